"""The README word for word, as somebody who has nothing but it: from an empty folder to a rollback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.docs import page
from support.lab import PLAYBOOK_SECONDS, WATCH_SECONDS, Lab, started
from support.readme import Reader, Readme, repository

pytestmark = pytest.mark.readme

SHOP = Path(__file__).parent / "files" / "shop"
#: What the README cannot know: where this VM is, and where the product's repository.
ADDRESS, SOURCE = "203.0.113.10", "https://git.example.com/me/shop.git"
#: The example has neither flags nor keys, says nothing of drift, and is not to be closed in between.
NOT_OF_THE_EXAMPLE = ("drift", "flags", "maintenance", "rotate_jwt")
#: It keeps no data either; somebody who believes it does has to hear so.
OF_DATA = ("backup", "restore", "drill", "recover_host")
#: What nobody types who has installed the collection.
OF_A_CLONE = re.compile(r"playbooks/\w+\.yml")


@pytest.fixture(scope="module")
def host() -> Iterator[Lab]:
    """A VM as its cloud made it: the README has it provisioned."""
    with started("readme") as lab:
        yield lab


@pytest.fixture(scope="module")
def reader(host: Lab, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody after step 3: everything is installed and written."""
    readme, folder = Readme("README.md"), tmp_path_factory.mktemp("somebody")
    ssh = " ".join([*host.ssh_words[1:-2], "-o", f"Port={host.ports['ssh']}"])
    somebody = Reader(folder, ssh)
    url = repository(tmp_path_factory.mktemp("clone"), re.findall(r"release=(\S+)", readme.steps)[0])
    typed = "\n".join(readme.install)
    assert "git+https://github.com/onehost/release.git" in typed
    somebody.type(typed.replace("git+https://github.com/onehost/release.git", url))
    for name, text in readme.files.items():
        somebody.write(name, text.replace(ADDRESS, "127.0.0.1").replace(SOURCE, "/srv/git/shop.git"))
    # Ten seconds of watching after each switch are the product's own; and a VM has a disk of its own.
    somebody.write("inventory/host_vars/my-vm.yml", f"release_watch_seconds: {WATCH_SECONDS}\n")
    return somebody


@pytest.fixture(scope="module")
def shop(host: Lab) -> Lab:
    """The product's repository, where a normal one has its settings and its compose file, and a tag."""
    host.ssh("git init --quiet --bare --initial-branch=main /srv/git/shop.git")
    host.repositories["shop"] = host.repositories["workhub"].replace("workhub.git", "shop.git")
    files = {str(path.relative_to(SHOP)): path.read_text() for path in SHOP.rglob("*") if path.is_file()}
    host.push_commit({**files, "docker-compose.yml": "services: {}\n", "scripts/test.sh": "true\n"}, repository="shop")
    return host


def said(reader: Reader, line: str) -> str:
    """What a command prints; nothing that the product could have spared the reader."""
    printed = reader.type(line, seconds=PLAYBOOK_SECONDS)
    assert "[WARNING]" not in printed and "[DEPRECATION" not in printed, f"{line}:\n{printed}"
    assert not OF_A_CLONE.search(printed), f"{line} tells of a clone:\n{printed}"
    return printed


def test_both_readmes_have_the_same_files_and_commands() -> None:
    english, korean = Readme("README.md"), Readme("README.ko.md")
    assert sorted(english.files) == ["ansible.cfg", "inventory/group_vars/onehost_hosts.yml", "inventory/hosts.yml"]
    assert (english.install, english.files) == (korean.install, korean.files)
    assert [english.first_commands, len(english.everyday_commands)] == [
        korean.first_commands,
        len(korean.everyday_commands),
    ]
    settings = [line for line in english.files["ansible.cfg"].splitlines() if "=" in line]
    assert [line.split(" = ")[0] for line in settings] == [
        "inventory",
        "interpreter_python",
        "stdout_callback",
        "pipelining",
    ]


def test_from_an_empty_folder_to_a_rollback(reader: Reader, shop: Lab) -> None:
    readme = Readme("README.md")
    check, provision, deploy, promote = readme.first_commands
    preview = said(reader, check)
    assert shop.ssh("find /etc -maxdepth 1 -name onehost") == "", "a preview writes nothing"
    assert len(preview.splitlines()) < 1000, "a preview is to be read"
    said(reader, provision)
    assert shop.get("http").status == 503
    # Again, nothing is to be done; and where nothing is live, only a deploy can work.
    again = said(reader, provision)
    assert "changed=0 " in again
    # Each task costs a round trip, which is what an unchanged host's run is made of.
    (tasks,) = re.findall(r"ok=(\d+)", again)
    assert int(tasks) <= 60, f"{tasks} tasks to find that nothing is to be done"
    status = said(reader, "ansible-playbook onehost.release.status")
    assert "ansible-playbook onehost.release.deploy_staging" in status and "onehost.release.promote" not in status
    said(reader, deploy)
    assert shop.get("staging").body == "hello from the shop\n"
    said(reader, promote)
    assert shop.get("http").body == "hello from the shop\n"


def test_the_everyday_commands_one_after_the_other(reader: Reader, shop: Lab) -> None:
    sha = shop.push_commit({"config/greeting.txt": "welcome\n"}, branch="next", repository="shop")
    shop.ssh(f"git -C /srv/git/shop.git tag v1.4.0 {sha}")
    reader.write("old/.env", "COLOUR=blue\n")
    answers = {}
    for line in Readme("README.md").everyday_commands:
        name = re.findall(r"onehost\.release\.(\w+)", line)[0]
        if name in OF_DATA:
            # A preview tells of a refusal, and does not fail.
            ends = 0 if line.endswith("--check") or " --check " in line else 2
            refused = reader.type(line, seconds=PLAYBOOK_SECONDS, ends_with=ends)
            assert "backup" in refused and "Fix: " in refused, refused
        elif name not in NOT_OF_THE_EXAMPLE:
            answers[name] = said(reader, line)
        if name == "promote":
            assert shop.get("http").body == "welcome\n"
    assert shop.get("http").body == "hello from the shop\n", "rolled back"
    assert shop.get("staging").body == "welcome\n"
    assert "shop production" in answers["status"] and "v1.4.0" in answers["status"]
    # Each command that was printed exists, with its options.
    hints = {
        words for text in answers.values() for words in re.findall(r"ansible-playbook onehost\.release\.\w+", text)
    }
    assert hints
    for line in sorted(hints):
        reader.type(f"{line} --syntax-check")


def test_the_readme_names_what_is_needed_to_install_it(reader: Reader) -> None:
    """Only the packages of step 1 are there; what it names beside Ansible is needed, or it would not be named."""
    listed = reader.type("pip list --format freeze")
    assert re.search(r"(?m)^ansible-core==2\.19\.", listed) and re.search(r"(?m)^distlib==", listed)
    assert "ansible==" not in listed and "ansible-core==2.19.*" in page("README.md").text
    assert (
        shutil.which("ansible-playbook", path=reader.environment["PATH"])
        == f"{reader.folder}/.venv/bin/ansible-playbook"
    )
