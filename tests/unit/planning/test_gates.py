# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each gate's go and no-go, with its evidence."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import changed_stack
from fakes.world import World

from release.errors import OperationError
from release.operations.observe import observe
from release.planning import gates
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.rendering.report import report_lines


def gate(world: World, name: str) -> dict[str, str]:
    """What a promote says of one gate, in check mode."""
    report = world.run("promote", check=True)
    assert report
    found = [g for g in report.gates if g["gate"] == name]
    assert found, report
    return found[0]


def ready(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")


def adjust(world: World, **settings: object) -> None:
    world.stack = dataclasses.replace(world.stack, **settings)  # type: ignore[arg-type]


def clock_says(world: World, text: str) -> None:
    hour, minute = map(int, text.split(":"))
    day = datetime.datetime.fromtimestamp(world.clock.time, datetime.timezone.utc).astimezone()
    world.clock.time = day.replace(hour=hour, minute=minute).timestamp()


def other_memory(world: World) -> None:
    world.stack = changed_stack(world, api={"memory": "64m"})


def break_app(world: World) -> None:
    world.docker.boxes[-1].up = False


def break_worker(world: World) -> None:
    next(box for box in world.up("staging") if box.app == "mail").up = False


def remove_worker(world: World) -> None:
    world.docker.boxes.remove(next(box for box in world.up("staging") if box.app == "mail"))


def retag(world: World) -> None:
    world.docker.tags["api:staging"] = world.docker.tags["front:staging"]


def new_app(world: World) -> None:
    mapping = world.stack.to_mapping(with_env=True)
    mapping["apps"]["cron"] = {"context": "cron", "kind": "worker"}
    world.stack = type(world.stack)(
        **{**vars(world.stack), "apps": {**world.stack.apps, "cron": world.stack.apps["mail"]}}
    )


def lose_images(world: World) -> None:
    live = world.entries("production")[-1].release.images["api"]
    world.docker.boxes = [box for box in world.docker.boxes if box.image != live]
    world.remove_image(live)


def interrupt(world: World) -> None:
    world.faults.kill_at(15)
    world.commit({"api": HEALTHY})
    world.run("deploy")
    world.revive()


@pytest.mark.parametrize(
    ("name", "spoil", "evidence"),
    [
        ("staging_live", new_app, "lacks cron"),
        ("staging_healthy", break_app, "not healthy: api (no answer on port"),
        ("staging_healthy", break_worker, "not healthy: mail (exited)"),
        ("staging_unchanged", remove_worker, "mail runs nothing instead of"),
        ("staging_unchanged", retag, "api:staging names"),
        ("same_settings", other_memory, "since staging was deployed: api: memory"),
        (
            "same_keys",
            lambda w: w.store.env.update(staging=b"ONLY='1'\n"),
            "ONLY only in staging; PUBLIC_URL only in prod",
        ),
        ("disk_free", lambda w: setattr(w.store, "free", 500_000_000), "0.5 GB free, floor 1 GB"),
        ("rollback_ready", lose_images, "are missing: api"),
        ("journal_clean", interrupt, "unfinished: "),
        ("soak_time", lambda w: adjust(w, soak_minutes=60), "0 of 60 minutes in staging"),
        (
            "promote_window",
            lambda w: (adjust(w, promote_window="09:00-17:00"), clock_says(w, "17:01")),
            "it is 17:01, the window is 09:00-17:00",
        ),
        (
            "promote_window",
            lambda w: (adjust(w, promote_window="22:00-02:00"), clock_says(w, "12:00")),
            "it is 12:00",
        ),
    ],
)
def test_no_go(world: World, name: str, spoil: Callable[[World], object], evidence: str) -> None:
    ready(world)
    world.docker.boxes.sort(key=lambda box: (box.environment == "staging" and box.up, box.app == "api"))
    spoil(world)
    found = gate(world, name)
    assert found["result"] == "NO-GO" and evidence in found["evidence"], found
    report = world.run("promote", check=True)
    assert report and report.failed and any(p["where"] == f"gate {name}" and p["fix"] for p in report.problems)


@pytest.mark.parametrize(
    ("name", "prepare", "evidence"),
    [
        ("staging_live", ready, " in "),
        ("staging_healthy", ready, "3 of 3 apps healthy"),
        ("staging_unchanged", ready, "3 running images match the tags and the release"),
        ("same_keys", ready, "1 keys in both environments"),
        ("disk_free", ready, "100.0 GB free"),
        ("rollback_ready", lambda w: w.good("deploy"), "first promote"),
        ("rollback_ready", ready, "back to "),
        ("journal_clean", ready, "no operation is unfinished"),
        (
            "soak_time",
            lambda w: (ready(w), adjust(w, soak_minutes=60), setattr(w.clock, "time", w.clock.time + 3600)),
            "60 of 60 minutes",
        ),
        (
            "promote_window",
            lambda w: (ready(w), adjust(w, promote_window="09:00-17:00"), clock_says(w, "17:00")),
            "it is 17:00",
        ),
        (
            "promote_window",
            lambda w: (ready(w), adjust(w, promote_window="22:00-02:00"), clock_says(w, "01:30")),
            "it is 01:30",
        ),
    ],
)
def test_go(world: World, name: str, prepare: Callable[[World], object], evidence: str) -> None:
    prepare(world)
    found = gate(world, name)
    assert found["result"] == "go" and evidence in found["evidence"], found


def test_optional_gates_are_not_there(world: World) -> None:
    ready(world)
    report = world.run("promote", check=True)
    optional = {
        "soak_time",
        "promote_window",
        "config",
        "services_healthy",
        "databases_answer",
        "built_in_values",
        "endpoints_hold",
    }
    optional |= {"old_addresses", "migration_safe", "backups"}
    assert report and {g["gate"] for g in report.gates} == set(gates.GATES) - optional


def test_the_way_back_before_has_lost_an_image(world: World) -> None:
    world.ship()
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    old = world.entries("production")[0].release
    world.docker.boxes = [box for box in world.docker.boxes if box.image != old.images["api"]]
    world.remove_image(old.images["api"])
    found = gate(world, "rollback_ready")
    assert found["result"] == "go" and f"{old.id}, lacks images: api" in found["evidence"]


def test_all_are_evaluated_and_skipping_is_recorded(world: World) -> None:
    ready(world)
    adjust(world, soak_minutes=60)
    world.store.free = 1
    report = world.run("promote", skip_gates=("disk_free",))
    assert report and report.failed
    assert {g["gate"]: g["result"] for g in report.gates if g["result"] != "go"} == {
        "disk_free": "skipped",
        "soak_time": "NO-GO",
    }
    assert [p["where"] for p in report.problems] == ["gate soak_time"]
    done = world.good("promote", skip_gates=("disk_free", "soak_time"))
    assert world.entry(done.release).release.skipped_gates == ("disk_free", "soak_time")


def test_what_was_rolled_back_is_not_brought_again(world: World) -> None:
    world.ship()
    world.ship()
    bad = world.entries("production")[-1].release
    world.good("rollback")
    found = gate(world, "not_rolled_back")
    assert (
        found["result"] == "NO-GO" and f"was rolled back from {bad.id}, which brought api before" in found["evidence"]
    )
    report = world.run("promote", skip_gates=("not_rolled_back",))
    assert report and report.failed and "skipped with a reason only" in report.problems[0]["what"]
    report = world.good("promote", skip_gates=("not_rolled_back",), reason="it was the cache")
    again = world.entry(report.release).release
    assert again.skipped_gates == ("not_rolled_back",) and again.reason == "it was the cache"


def test_the_same_images_deployed_again_are_still_those(world: World) -> None:
    world.ship()
    world.ship()
    world.good("rollback")
    world.change_setting()
    world.good("deploy")
    assert gate(world, "not_rolled_back")["result"] == "NO-GO"


def test_a_fix_is_something_else(world: World) -> None:
    """Also if an app that was rolled back beside the broken one comes along unchanged."""
    world.ship()
    world.ship(api=HEALTHY, front=HEALTHY)
    world.good("rollback")
    assert gate(world, "not_rolled_back")["result"] == "NO-GO"
    world.commit({"api": HEALTHY})
    world.good("deploy")
    assert gate(world, "not_rolled_back")["result"] == "go"
    report = world.run("promote", check=True, apps=("front",))
    assert report and [p["where"] for p in report.problems] == ["gate not_rolled_back"]


def test_images_that_were_live_for_good_since(world: World) -> None:
    world.ship()
    second = world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote")
    world.clock.time += 2
    world.good("rollback")
    world.clock.time += 2
    world.good("promote", skip_gates=("not_rolled_back",), reason="it was the cache")
    world.ship()
    world.good("deploy", version=second)
    assert gate(world, "not_rolled_back")["result"] == "go"


def test_a_gate_that_does_not_exist(world: World) -> None:
    ready(world)
    report = world.run("promote", skip_gates=("luck",))
    assert report and "'luck' is not a gate" in report.problems[0]["what"]
    assert report.problems[0]["fix"] == "choose from " + ", ".join(gates.GATES)


@pytest.mark.parametrize(
    ("window", "now", "result"),
    [
        ("09:00-17:00", "09:00", "go"),
        ("09:00-17:00", "08:59", "NO-GO"),
        ("22:00-02:00", "22:00", "go"),
        ("22:00-02:00", "02:00", "go"),
        ("22:00-02:00", "02:01", "NO-GO"),
        ("09:00-09:00", "09:00", "go"),
        ("09:00-09:00", "12:00", "NO-GO"),
    ],
)
def test_the_edges_of_a_window(world: World, window: str, now: str, result: str) -> None:
    ready(world)
    adjust(world, promote_window=window)
    clock_says(world, now)
    assert gate(world, "promote_window")["result"] == result


def test_nothing_in_staging(world: World) -> None:
    seen = observe(world.host, world.stack)
    words = {g.name: g.word for g in gates.evaluate(world.stack, seen, {}, [])}
    assert words["staging_live"] == words["staging_healthy"] == words["staging_unchanged"] == "NO-GO"
    closed = [g for g in gates.evaluate(world.stack, seen, {}, []) if not g.go]
    assert {g.fix for g in closed} == {gates.DEPLOY}


def test_soak_of_a_release_whose_deploy_was_killed(world: World) -> None:
    """Its status is still the first one, with a moment that must be as readable as all others."""
    ready(world)
    adjust(world, soak_minutes=1)
    for entry in world.store.written.values():
        entry.since = entry.release.id.split("-")[0]
    assert gate(world, "soak_time")["result"] == "NO-GO"


def test_promote_takes_up_what_a_killed_deploy_left(world: World) -> None:
    ready(world)
    interrupt(world)
    report = world.good("promote")
    assert report.recovered and not world.unfinished("staging")
    assert {g["gate"]: g["result"] for g in report.gates}["journal_clean"] == "go"


def test_promote_while_a_deploy_runs(world: World) -> None:
    """It is no leftover: what staging runs now is whole, and is what gets promoted."""
    ready(world)
    interrupt(world)
    with lock.hold(
        lock.lock_path("shop", "staging", world.paths.locks), LockHolder.from_json({"operation": "deploy"}), 0
    ):
        report = world.run("promote")
    assert report and not report.recovered and world.unfinished("staging")


def test_promote_when_staging_cannot_be_mended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(world)
    interrupt(world)

    def refuse(*_arguments: object) -> None:
        raise OperationError("the router (HAProxy) refused the new entry", "admin.sock", "no")

    monkeypatch.setattr(world.router, "set_live", refuse)
    report = world.run("promote")
    assert report and report.failed and not report.recovered
    assert {g["gate"]: g["result"] for g in report.gates}["journal_clean"] == "NO-GO"


def test_a_preview_shows_every_gate_with_its_evidence(world: World) -> None:
    ready(world)
    report = world.run("promote", check=True)
    assert report and not report.failed
    lines = "\n".join(report_lines(report.to_json()))
    assert all(name in lines for name in ("staging_live", "rollback_ready", "3 of 3 apps healthy"))
