"""Several hosts: a release goes to one after the other and stops at the first that fails; nothing else does."""

from __future__ import annotations

from pathlib import Path

from support.lab import Lab, Result

THREE = [Path(__file__).parent / "files" / "three_hosts.yml"]


def hosts(result: Result) -> dict[str, set[str]]:
    """What became of each host, by the recap: those that nothing was tried on are not in it."""
    stats = next(event["event_data"] for event in result.events if event["event"] == "playbook_on_stats")
    kinds = ("ok", "failures", "dark")
    return {kind: set(stats[kind]) for kind in kinds}


def test_promote_stops_at_the_first_host_that_fails(released: Lab) -> None:
    path = "HWTestAgent/src/main.js"
    commit = released.push_commit({path: released.read_source(path) + "// for three hosts\n"}, branch="three-hosts")
    released.operate("deploy_staging", version=commit).ok()
    before = released.get("production").release
    result = released.playbook("promote", inventories=THREE)
    assert result.rc != 0
    assert hosts(result) == {"ok": {"onehost-lab"}, "failures": set(), "dark": {"not-there"}}
    assert released.get("production").release not in ("", before), "the host before it has its release"
    assert "after-it" not in result.stdout


def test_a_host_that_is_away_keeps_no_other_from_being_looked_at(released: Lab) -> None:
    result = released.playbook("status", inventories=THREE, options="--limit onehost-lab,not-there")
    assert hosts(result)["ok"] == {"onehost-lab"} and hosts(result)["dark"] == {"not-there"}
    assert released.get("production").release in result.stdout
