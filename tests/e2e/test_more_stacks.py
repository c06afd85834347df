"""Further stacks and foreign apps are data alone: files/more_stacks.yml, with no change of the collection."""

from __future__ import annotations

import json
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
    more_stacks.playbook("deploy_staging", inventories=MORE, stack="parcel").ok()
    more_stacks.playbook("promote", inventories=MORE, stack="parcel").ok()
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


def test_unclaimed_host_names_reach_the_stack_without_names(more_stacks: Lab) -> None:
    answer = more_stacks.get("http", "/", {"Host": "workhub.biz", "Accept": "application/json"})
    assert answer.json()["app"] == "wbhubmanager"
    until(lambda: more_stacks.get("http").release == more_stacks.get("production").release, 5, "one production")
