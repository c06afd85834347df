"""Further stacks and foreign apps are data alone: files/more_stacks.yml, with no change of the collection."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from pathlib import Path

import pytest
from support.lab import Lab, until

MORE = [Path(__file__).parent / "files" / "more_stacks.yml"]


@pytest.fixture(scope="session")
def workhub_before(released: Lab) -> str:
    """What WorkHub is before other stacks come to its host."""
    return of_workhub(released)


def of_workhub(lab: Lab) -> str:
    return "\n".join(line for line in lab.state().splitlines() if "workhub" in line or line.startswith("sha256:"))


def test_workhub_is_not_touched_by_them(workhub_before: str, more_stacks: Lab) -> None:
    images = {line for line in workhub_before.splitlines() if line.startswith("sha256:")}
    assert images <= set(more_stacks.state().splitlines())
    now = [line for line in of_workhub(more_stacks).splitlines() if not line.startswith("sha256:")]
    assert now == [line for line in workhub_before.splitlines() if not line.startswith("sha256:")]


def test_several_stacks_must_be_told_apart(more_stacks: Lab) -> None:
    result = more_stacks.playbook("promote", inventories=MORE)
    assert result.rc != 0
    assert "there are several stacks on this host" in result.problems
    assert "add -e stack=<name>, one of: notes, parcel, workhub" in result.problems


def test_a_second_stack_with_a_worker_and_a_host_name(more_stacks: Lab) -> None:
    live = {port: more_stacks.get(port).release for port in ("staging", "production")}
    deployed = more_stacks.playbook("deploy_staging", inventories=MORE, stack="notes").ok()
    assert set(deployed.report["built"]) == {"notes-web", "notes-worker"}
    more_stacks.playbook("promote", inventories=MORE, stack="notes").ok()
    page = more_stacks.get("http", "/", {"Host": "notes.example", "Accept": "application/json"})
    assert (page.status, page.json()["app"], page.json()["environment"]) == (200, "notes-web", "production")
    assert page.release == page.json()["release"]
    staging = more_stacks.get("staging", "/", {"Host": "staging.notes.example", "Accept": "application/json"})
    assert staging.json()["environment"] == "staging"
    worker = more_stacks.ssh("sudo docker ps --filter label=release.onehost.app=notes-worker --format '{{.Names}}'")
    assert len(worker.split()) == 2, "one in staging, one in production"
    assert {port: more_stacks.get(port).release for port in live} == live, "WorkHub answers as before"


def test_an_app_of_somebody_else(more_stacks: Lab) -> None:
    more_stacks.operate("deploy_staging", stack="parcel").ok()
    more_stacks.operate("promote", stack="parcel").ok()
    answer = more_stacks.get("http", "/", {"Host": "parcel.example"})
    assert (answer.status, answer.body) == (200, "<h1>Parcel says hello</h1>\n")
    assert "-production-" in answer.release
    name = more_stacks.ssh(
        "sudo docker ps --filter label=release.onehost.app=parcel --filter label=release.onehost.environment=production"
        " --format '{{.Names}}'"
    ).strip()
    settings = json.loads(more_stacks.ssh(f"sudo docker inspect --format '{{{{json .HostConfig}}}}' {name}"))
    assert settings["Memory"] == 64 * 2**20 and settings["NanoCpus"] == 500_000_000
    assert settings["Init"] is True and settings["ReadonlyRootfs"] is True, "further Compose keys"
    write = f"sudo docker exec {name} sh -c 'echo >/tmp/x && echo written; echo >/home/x || echo refused' 2>/dev/null"
    assert more_stacks.ssh(write).split() == ["written", "refused"]
    rights = more_stacks.ssh(f"sudo docker exec {name} grep -E '^(Cap|NoNewPrivs)' /proc/1/status")
    assert dict(line.split() for line in rights.splitlines()) == {
        **{f"Cap{kind}:": "0" * 16 for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")},
        "NoNewPrivs:": "1",
    }
    assert more_stacks.ssh("stat --format=%U /srv/parcel").strip() == "parcel"


def build_again(lab: Lab) -> None:
    """Deploy another commit of parcel, by its owner: whose repository it is by now."""
    script = (
        "cd $(mktemp -d) && git clone --quiet /srv/git/parcel.git . && date +%s%N >releases/now.md && git add . && "
        "git -c user.name=Ann -c user.email=ann@parcel.example commit --quiet --message=more && "
        "git push --quiet origin HEAD:main"
    )
    lab.ssh(f"sudo -u parcel sh -c {shlex.quote(script)}")
    report = lab.operate("deploy_staging", stack="parcel").ok().report
    assert set(report["built"]) == {"parcel"}


def test_a_build_sees_the_commit_and_nothing_else(more_stacks: Lab) -> None:
    """From the root of a repository that has names of the platform's own, in whose directory secrets lie."""
    more_stacks.ssh(
        "sudo -u parcel sh -c 'echo SECRET=1 > /srv/parcel/left.env; echo {} > /srv/parcel/config/secret.json'"
    )
    build_again(more_stacks)
    inside = more_stacks.ssh(
        "sudo docker run --rm parcel:staging sh -c 'cd /source && find . -type f -printf \"%P %m\\n\"'"
    )
    source = Path(__file__).parent / "files" / "parcel"
    files = [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]
    assert sorted(inside.splitlines()) == sorted(f"{name} 644" for name in [*files, "releases/now.md"])
    assert more_stacks.ssh("sudo ls /var/lib/onehost/parcel/source").split() == ["lock", "mirror.git"]
    assert more_stacks.ssh("stat --format=%U:%a /var/lib/onehost/parcel/source/mirror.git").strip() == "parcel:700"
    view = more_stacks.ssh("sudo -u parcel ls -A /srv/parcel")
    assert "index.html" not in view, "a view could not have the config of both"


def test_a_token_that_only_the_build_has(more_stacks: Lab) -> None:
    token, name = "parcel-token-for-builds", "parcel:staging"
    known = hashlib.sha256(token.encode()).hexdigest()
    assert known in more_stacks.ssh(f"sudo docker run --rm {name} cat /pages/token")
    for command in (
        f"sudo docker image inspect {name}",
        f"sudo docker history --no-trunc {name}",
        f"sudo docker run --rm {name} sh -c 'env; cat /run/secrets/*; grep -r {token} /source /pages /etc; true' 2>&1",
        "sudo sh -c 'docker exec $(docker ps --quiet --filter label=release.onehost.app=parcel | head -1) env'",
        "sudo cat /etc/onehost/stacks/parcel.json",
        "sudo sh -c 'cat /var/lib/onehost/parcel/operations/*'",
    ):
        assert token not in more_stacks.ssh(command), command


def test_caches_of_builds_are_the_stacks_own(more_stacks: Lab) -> None:
    """What another build of the host has left there is not seen."""
    dockerfile = (
        "FROM onehost-lab/python:3\nRUN --mount=type=cache,target=/cache ls /cache > /seen && touch /cache/other\n"
    )
    build = f"printf '{dockerfile}' | sudo docker build --quiet --no-cache --tag other-cache:test -"
    more_stacks.ssh(build)
    assert "parcel" not in more_stacks.ssh("sudo docker run --rm other-cache:test cat /seen")
    build_again(more_stacks)
    seen = more_stacks.ssh("sudo docker run --rm parcel:staging cat /pages/cache").split()
    assert seen == ["parcel"], "its own of the build before, and no other"


def test_unclaimed_host_names_reach_the_stack_without_names(more_stacks: Lab) -> None:
    answer = more_stacks.get("http", "/", {"Host": "workhub.biz", "Accept": "application/json"})
    assert answer.json()["app"] == "wbhubmanager"
    until(lambda: more_stacks.get("http").release == more_stacks.get("production").release, 5, "one production")


def test_the_status_page_leads_to_those_of_the_others(more_stacks: Lab) -> None:
    """By the name that the reader typed, unless a stack has host names of its own."""

    def links() -> list[str]:
        page = more_stacks.get("staging", "/_onehost/").body
        (index,) = re.findall(r"<nav.*?</nav>", page)
        return re.findall(r'<a [^>]*href="([^"]+)"', index)

    wanted = ["http://staging.notes.example:4400/_onehost/", "http://127.0.0.1:4401/_onehost/"]
    more_stacks.ssh("sudo systemctl start onehost-page.service")
    until(lambda: links() == wanted, 30, "the index is on the page")
