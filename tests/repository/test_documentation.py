# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation says is so: links lead somewhere, commands and options exist, examples are accepted."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from support.docs import PLAYBOOK, SHIPPED, Page, pages, target_of
from support.package import ROOT, known_files, run

from release.entrypoints import cli
from release.stack.reader import read_stack

PAGES = pages()
#: What the repository holds by name; files that setup or a test unpacks beside it are not ours to name.
OWN_FILES = {name.rsplit("/", 1)[-1] for name in known_files()}
PLAYBOOKS = {path.stem: path.read_text() for path in (ROOT / "playbooks").glob("*.yml")}
#: What -e may set beside what the playbooks themselves read: variables of the roles.
ROLE_VARIABLES = {
    name for path in (ROOT / "roles").glob("*/defaults/main.yml") for name in yaml.safe_load(path.read_text()) or {}
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@every_page
def test_links_lead_somewhere(page: Page) -> None:
    for link in page.links:
        path, place = target_of(page, link)
        assert path.exists(), link
        if place:
            known = next(other for other in PAGES if (ROOT / other.name).resolve() == path)
            assert place in known.anchors, f"{link}: known are {sorted(known.anchors)}"


def test_what_users_get_links_to_nothing_that_they_do_not_get() -> None:
    shipped = {(ROOT / name).resolve() for name in known_files() if SHIPPED.fullmatch(name)}
    for page in PAGES:
        if not SHIPPED.fullmatch(page.name):
            continue
        for link in page.links:
            path, _place = target_of(page, link)
            assert path in shipped or (path.is_dir() and any(path in other.parents for other in shipped)), (
                f"{page.name}: {link}"
            )


def playbook_of(words: list[str]) -> list[str]:
    """The playbooks that a command of ansible-playbook starts."""
    found = [PLAYBOOK.fullmatch(word) for word in words[1:]]
    return [next(filter(None, match.groups())) for match in found if match]


@every_page
def test_playbooks_and_their_options_exist(page: Page) -> None:
    for words in page.commands("ansible-playbook"):
        names = [name for name in playbook_of(words) if name != "name"]
        for name in names:
            assert name in PLAYBOOKS, " ".join(words)
        for option in (words[i + 1] for i, word in enumerate(words[:-1]) if word == "-e"):
            variable = option.partition("=")[0]
            known = variable in ROLE_VARIABLES or any(
                re.search(rf"\b{re.escape(variable)}\b", PLAYBOOKS[name]) for name in names or PLAYBOOKS
            )
            assert known, f"{' '.join(words)}: no playbook reads {variable}"


@every_page
def test_options_in_passing_exist(page: Page) -> None:
    """`-e name=value` between backticks, and `name=<value>` in a table of such options."""
    options = re.findall(r"`-e ([a-z_]+)=[^`]*`", page.text)
    for table in re.findall(r"^\| option \(`-e`\).*\n((?:\|.*\n)+)", page.text, re.M):
        options += [name for row in table.splitlines()[1:] for name in re.findall(r"`([a-z_]+)=", row.split("|")[1])]
    for option in options:
        assert option in ROLE_VARIABLES or any(re.search(rf"\b{option}\b", text) for text in PLAYBOOKS.values()), option


@every_page
def test_files_named_in_passing_exist(page: Page) -> None:
    """Playbooks by file name, and things of the repository by path."""
    for name in re.findall(r"`(?:playbooks/)?([a-z_]+)\.yml`", page.text):
        assert name in PLAYBOOKS or f"{name}.yml" in OWN_FILES, name
    for name in re.findall(
        r"`((?:docs|roles|playbooks|plugins|tools|tests|examples|group_vars)/[\w./-]+\w)`", page.text
    ):
        assert (ROOT / name).exists() or name.endswith("promote.yml"), name


@every_page
def test_things_of_the_collection_exist(page: Page) -> None:
    known = set(PLAYBOOKS) | {path.name for path in (ROOT / "roles").iterdir()}
    known |= {path.stem for path in (ROOT / "plugins").glob("*/*") if path.suffix in (".py", ".yml")}
    for name in re.findall(r"\bonehost\.release\.([a-z_]+)", page.text):
        assert name in known, name


@every_page
def test_make_targets_exist(page: Page) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    for words in page.commands("make"):
        for word in words[1:]:
            if not word.startswith("-") and "=" not in word:
                assert word in targets, " ".join(words)


@every_page
def test_commands_on_the_host_exist(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is given to the command itself, with --help at its end, so that it does nothing."""
    for words in page.commands("onehost", "/usr/local/bin/onehost"):
        # Documentation writes values as <name>.
        with pytest.raises(SystemExit) as ended:
            # What follows -- is for the program that is to be run.
            own = words[1 : words.index("--") if "--" in words else None]
            cli.main([re.sub(r"^<.*>$", "1", word) for word in own] + ["--help"])
        assert ended.value.code == 0, " ".join(words) + capsys.readouterr().err


@every_page
def test_yaml_is_yaml(page: Page) -> None:
    for block in page.yaml_blocks:
        for document in yaml.safe_load_all(block):
            check_stacks(document)


def check_stacks(found: Any) -> None:
    """Every whole stack that is shown, wherever it stands, is accepted."""
    for key, value in found.items() if isinstance(found, dict) else []:
        if key.startswith("onehost_stack_") and "apps" in value:
            read_stack(key.removeprefix("onehost_stack_"), value)


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_five_steps_begin_with_a_stack_that_is_accepted(name: str) -> None:
    (page,) = (page for page in PAGES if page.name == name)
    hosts, stack = (yaml.safe_load(block) for block in page.yaml_blocks)
    assert set(hosts) == {"onehost_hosts"}
    assert set(stack) == {"onehost_stack_shop"}


@pytest.mark.parametrize("name", [page.name for page in PAGES if page.name.endswith(".ko.md")])
def test_both_languages_say_the_same(name: str) -> None:
    """The same commands, examples and links in the same order; links may lead to the page of the same language."""
    other = name.replace(".ko.md", ".md")
    english, korean = (next(page for page in PAGES if page.name == wanted) for wanted in (other, name))
    assert english.yaml_blocks == korean.yaml_blocks
    assert english.links[1:] == [link.replace(".ko.md", ".md") for link in korean.links[1:]]
    assert (english.links[0], korean.links[0]) == tuple(path.rsplit("/", 1)[-1] for path in (name, other))

    def typed(page: Page) -> list[list[str]]:
        found = page.commands("ansible-playbook", "make", "ansible-galaxy", "python3")
        return [[word for word in words if not word.startswith("reason=")] for words in found]

    assert typed(english) == typed(korean)


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_installs_a_tag_and_offers_hashes(name: str) -> None:
    """Not the head of a branch, which is whatever was pushed last; the tag is named once."""
    text = (ROOT / name).read_text()
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert text.count(f"release=v{version}\n") == 1 and text.count(f"v{version}") == 1
    installed = re.findall(r"collection install (.*)", text)
    assert installed == ['"git+https://github.com/onehost/release.git,$release"']
    (hashed,) = re.findall(r"pip install --require-hashes -r \"(.*)\"", text)
    assert hashed.endswith("/onehost/release/$release/requirements/control.txt")
    packages = re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements/control.txt").read_text())
    assert {"ansible-core", "distlib"} <= set(packages)


def test_every_playbook_is_told_of_and_well_formed() -> None:
    told = {
        name
        for page in PAGES
        if page.name == "README.md"
        for w in page.commands("ansible-playbook")
        for name in playbook_of(w)
    }
    assert set(PLAYBOOKS) <= told
    paths = [f"playbooks/{name}.yml" for name in sorted(PLAYBOOKS)]
    environment = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    run(["ansible-playbook", "--syntax-check", "-i", "inventories/lab", *paths], where=ROOT, environment=environment)


def test_every_dependency_is_explained() -> None:
    for path in (ROOT / "requirements").glob("*.in"):
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                assert re.fullmatch(r"\S+ +# \S.*", line), f"{path.name}: {line}"
