# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status as one screen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.stacks import changed_stack
from fakes.world import World

from release.hints import hint
from release.operations.status import status
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.releases.status import StatusReport
from release.rendering.status import age, status_lines


def test_status(world: World) -> None:
    empty = status_lines(status(world.host, world.stack))
    assert "shop staging (port 8100): nothing is live" in empty
    assert [line for line in empty if line.startswith("next: ")] == ["next: " + hint("deploy_staging")]
    assert hint("promote") not in "\n".join(empty), "there is nothing to promote"
    world.run("deploy")
    only_staging = status_lines(status(world.host, world.stack))
    assert [line for line in only_staging if line.startswith("next: ")] == ["next: " + hint("promote")]
    world.ship()
    world.ship()
    live = world.entries("production")[-1].release
    text = "\n".join(status_lines(status(world.host, world.stack)))
    assert f"shop production (port 8200, 80): {live.id} in green, commit {live.commit[:12]} (main)" in text
    assert "api    healthy" in text
    assert f"rollback would go to {world.entries('production')[0].release.id}" in text
    assert "disk: 100.0 GB free, floor 1 GB" in text
    world.store.blocks = {"shop": {"staging": "172.16.224.0/26"}, "blog": {"production": "172.16.225.0/26"}}
    lines = status_lines(status(world.host, world.stack))
    assert lines[0].startswith("shop staging (port 8100; containers 172.16.224.0/26): ")
    assert lines[1].startswith("shop production (port 8200, 80): "), "an earlier version gave it no addresses"


def test_status_says_what_a_rollback_changes_by_name(world: World) -> None:
    world.ship()
    world.store.env["production"] = b"PUBLIC_URL='http://new'\n"
    world.ship(api="healthy")
    world.store.env["production"] += b"NEW_KEY='secret-value'\n"
    world.rotate_secret()
    found = status(world.host, world.stack).rollback
    text = "\n".join(found.changes)
    assert "api: image" in text and "PUBLIC_URL: restored to the value of that release" in text
    assert "NEW_KEY: removed" in text
    assert "DATABASE_URL: keeps today's value (secret)" in text
    assert "secret-value" not in text and "db://" not in text


def test_status_counts_replicas(world: World) -> None:
    world.ship()
    world.scale("api", 3)
    text = "\n".join(status_lines(status(world.host, world.stack)))
    assert "healthy 3/3" in text
    assert "   production api: scaled to 3 in place of 1, by ann at " in text
    assert f": busy. Back: {hint('scale', app='api', replicas='default', where='production')}" in text
    world.docker.boxes = [box for box in world.docker.boxes if box.unit != "api.2"]
    text = "\n".join(status_lines(status(world.host, world.stack)))
    assert "NOT HEALTHY 2/3" in text
    assert "production api: missing, not healthy 1 of 3 replicas not healthy, api.2: no answer on port" in text


def test_status_of_what_is_broken(world: World) -> None:
    world.ship()
    for box in world.up("production"):
        if box.app == "api":
            world.docker.boxes.remove(box)
        if box.app == "mail":
            box.up = False
    world.faults.kill_at(3)
    world.commit({"api": "healthy"})
    world.run("deploy")
    world.revive()
    found = status(world.host, world.stack)
    apps = found.environments["production"].apps
    assert (apps["api"].state, apps["mail"].state) == ("missing", "exited")
    text = "\n".join(status_lines(found))
    assert "missing, not healthy no answer on port" in text
    assert "Fix: ansible-playbook onehost.release.recover" in text
    assert "rollback: stack shop, production: there is no good release to roll back to" in text
    assert found.environments["staging"].operations[0].outcome == "interrupted"


def test_status_while_an_operation_runs(world: World) -> None:
    world.ship()
    who = LockHolder.from_json(
        {"operation": "deploy", "person": "bob", "host": "desk", "since": "12:00:00", "reason": "hotfix"}
    )
    with lock.hold(lock.lock_path("shop", "staging", world.paths.locks), who, 0):
        found = status(world.host, world.stack)
    text = "\n".join(status_lines(found))
    assert "running now: deploy by bob on desk, since 12:00:00 (hotfix)" in text and "unfinished" not in text


def test_status_of_new_routes_and_apps(world: World) -> None:
    world.ship()
    world.stack = changed_stack(
        world,
        front={"routes": [{"path": "/front"}, {"path": "/shop"}]},
        cron={"context": "cron", "kind": "worker"},
    )
    world.ship(front="healthy", cron="healthy")
    changes = status(world.host, world.stack).rollback.changes
    assert "cron: removed" in changes and "routes of the edge: restored to those of that release" in changes


def test_status_is_one_screen(world: World) -> None:
    for _ in range(4):
        world.ship()
    world.clock.time += 3 * 3600 + 5 * 60
    box = next(box for box in world.up("production") if box.app == "mail")
    box.up = False
    lines = status_lines(status(world.host, world.stack))
    text = "\n".join(lines)
    assert len(lines) <= 30, text
    assert ", live for 3 h 5 min by promote" in text
    head = next(line for line in lines if line.startswith("   app "))
    assert head.split() == ["app", "staging", "image", "commit", "production", "image", "commit"]
    row = next(line for line in lines if line.startswith("   mail "))
    assert row.split()[1] == "healthy" and "NOT HEALTHY" in row
    assert "   production mail: exited, not healthy" in lines
    last = lines[next(i for i, line in enumerate(lines) if line.startswith("   last operations")) + 1]
    assert "promote" in last and "production" in last and "ann" in last and "succeeded in 1 s" in last
    world.store.free = 10**6
    assert "ansible-playbook onehost.release.cleanup" in status_lines(status(world.host, world.stack))[-1]


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (61, "1 min"), (7500, "2 h 5 min"), (200000, "2 days 7 h"), (-3, "0 s")]
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_tags_that_somebody_moved(world: World) -> None:
    world.ship()
    assert "moved by hand" not in shown(world)
    world.host.docker.tag(world.tag("front", "staging"), "api", "production")
    world.host.docker.untag("front:staging")
    text = shown(world)
    assert "tag moved by hand: api:production names" in text
    assert "the next promote or rollback moves it back" in text
    assert "front:staging names nothing, live is" in text


def shown(world: World) -> str:
    return "\n".join(status_lines(status(world.host, world.stack)))


HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (119.9, "1 min"),
        (59 * 60 + 59, "59 min"),
        (HOUR, "1 h 0 min"),
        (47 * HOUR + 59 * 60, "47 h 59 min"),
        (48 * HOUR, "2 days 0 h"),
        (49 * HOUR, "2 days 1 h"),
        (30 * 24 * HOUR + 23 * HOUR, "30 days 23 h"),
    ],
)
def test_an_age_changes_its_unit_at_the_limit(seconds: float, text: str) -> None:
    assert age(seconds) == text


def screen(known: StatusReport) -> str:
    return "\n".join(status_lines(known))


def test_an_app_that_only_one_environment_has(world: World) -> None:
    world.ship()
    known = status(world.host, world.stack)
    del known.environments["production"].apps["mail"]
    staging = known.environments["staging"].apps["mail"]
    row = next(line for line in status_lines(known) if line.startswith("   mail "))
    assert row.split() == ["mail", "healthy", staging.image, staging.commit[:7], "-"]
    assert "mail:" not in screen(known), "it is not missed"


def test_the_parts_of_the_screen_that_are_rarely_there(world: World) -> None:
    world.ship()
    known = status(world.host, world.stack)
    quiet = screen(known)
    for word in ("tag moved by hand", "secret ", "offline", "notification to", "unfinished", "running now", "cleanup"):
        assert word not in quiet
    known = replace(
        known,
        environments={
            name: replace(env, moved_tags=("api:latest is not what runs",), unfinished=("20260101-promote",))
            for name, env in known.environments.items()
        },
        due=("TOKEN is 91 days old",),
        offline="from a copy of yesterday",
        flags=("battle answers 503 in production",),
        notifications=("chat: HTTP 500",),
        free_gb=0.9,
        floor_gb=1.0,
    )
    lines = status_lines(known)
    for line in (
        "tag moved by hand: api:latest is not what runs; the next deploy moves it back",
        "tag moved by hand: api:latest is not what runs; the next promote or rollback moves it back",
        "unfinished: 20260101-promote. Fix: ansible-playbook onehost.release.recover",
        "secret TOKEN is 91 days old",
        "values: provisioned offline, from a copy of yesterday. Fix: ansible-playbook onehost.release.provision",
        "battle answers 503 in production",
        "notification to chat: HTTP 500. Fix: on the host: sudo onehost notify",
        "disk: 0.9 GB free, floor 1 GB. Fix: ansible-playbook onehost.release.cleanup",
    ):
        assert line in lines, lines
    assert status_lines(replace(known, free_gb=1.0))[-1] == "disk: 1.0 GB free, floor 1 GB"


def test_the_tables_of_the_screen(world: World) -> None:
    for number in range(4):
        world.commit({"api": "healthy"})
        world.good("deploy", reason=f"number {number}")
    world.good("promote")
    known = status(world.host, world.stack)
    lines = status_lines(known)
    head = next(index for index, line in enumerate(lines) if line.split() == ["release", "status", "by", "reason"])
    assert [line.rsplit(maxsplit=1)[-1] for line in lines[head + 1 : head + 4]] == ["3", "2", "1"], "the newest three"
    assert "production" in lines[head + 4] and lines[head + 4].split()[1:3] == ["live", "ann"]
    first = next(index for index, line in enumerate(lines) if line.split()[:2] == ["last", "operations"])
    operations = [line.split()[2:4] for line in lines[first + 1 : first + 6]]
    assert operations == [["promote", "production"], *[["deploy", "staging"]] * 4]
