# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes an app healthy: its own answer, Docker's check, a worker's command; and what is said when it is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from fakes.docker import CRASHING, HEALTHY
from fakes.stacks import changed_stack
from fakes.world import World

from release.operations.status import status
from release.releases.runtime import Answer


def settings(world: World, app: str, **changed: Any) -> None:
    world.stack = changed_stack(world, **{app: changed})


def failure(world: World, name: str = "deploy", **options: Any) -> str:
    report = world.run(name, **options)
    assert report and report.failed, report
    return report.problems[0]["what"]


# The app's own answer


@pytest.mark.parametrize(("code", "healthy"), [(200, True), (204, True), (302, False), (399, False), (401, False)])
def test_only_2xx_is_healthy(world: World, code: int, healthy: bool) -> None:
    world.probe.instead["api"] = Answer(code)
    report = world.run("deploy")
    assert report and report.failed is not healthy


def test_a_redirect_is_told_with_what_to_do(world: World) -> None:
    world.probe.instead["api"] = Answer(302)
    told = failure(world)
    assert told.startswith(
        "app api is not healthy after 5 s: /health: HTTP 302: a redirect is not healthy; let /health"
    )


def test_another_status_when_it_is_declared(world: World) -> None:
    settings(world, "api", health_status=[302, 401])
    world.probe.instead["api"] = Answer(401)
    world.good("deploy")
    world.good("promote", watch_seconds=1)
    assert status(world.host, world.stack).environments["production"].apps["api"].healthy
    world.probe.instead["api"] = Answer(403)
    assert not status(world.host, world.stack).environments["production"].apps["api"].healthy


def test_the_host_name_is_one_that_visitors_use(world: World) -> None:
    world.good("deploy")
    assert world.probe.asked_as == {"localhost"}
    world.probe.asked_as.clear()
    staging = dataclasses.replace(world.stack.environments["staging"], hosts=("*.shop.example", "shop.example"))
    world.stack = dataclasses.replace(world.stack, environments={**world.stack.environments, "staging": staging})
    settings(world, "front", health_host="front.internal")
    world.commit({"api": HEALTHY, "front": HEALTHY})
    world.good("deploy")
    assert world.probe.asked_as == {"shop.example", "front.internal"}


# Docker's check


@pytest.mark.parametrize("app", ["api", "mail"])
def test_what_docker_calls_unhealthy_never_goes_live(world: World, app: str) -> None:
    world.docker.checks[app] = ("unhealthy", "connection refused", ("CMD", "/check"))
    assert failure(world) == f"app {app} is not healthy after 5 s: Docker says unhealthy: connection refused"


@pytest.mark.parametrize(
    ("test", "command"),
    [
        (("CMD", "/check", "-v"), ("/check", "-v")),
        (("CMD-SHELL", "curl -f localhost"), ("/bin/sh", "-c", "curl -f localhost")),
    ],
)
def test_a_check_that_docker_has_not_begun_is_asked_at_once(
    world: World, test: tuple[str, ...], command: tuple[str, ...]
) -> None:
    """Docker waits for a whole interval first, which is half a minute unless somebody says otherwise."""
    begun = world.clock.time
    world.docker.checks["mail"] = ("starting", "", test)
    world.good("deploy")
    assert ("mail", command) in world.docker.ran and world.clock.time - begun < 10


@pytest.mark.parametrize("app", ["api", "mail"])
def test_and_its_failure_counts(world: World, app: str) -> None:
    world.docker.checks[app] = ("starting", "", ("CMD", "/check"))
    world.docker.ends[app] = (1, "no queue")
    assert failure(world) == f"app {app} is not healthy after 5 s: its HEALTHCHECK fails with exit code 1: no queue"
    assert len(world.docker.ran) < 60, "a command is not run at each poll"


def test_a_check_that_was_turned_off(world: World) -> None:
    world.docker.checks["mail"] = ("", "", ("NONE",))
    world.good("deploy")
    assert world.docker.ran == []


def test_unhealthy_in_the_watch_period(world: World) -> None:
    world.ship()
    world.commit({"mail": HEALTHY})
    world.good("deploy")
    before = dict(world.router.does)

    def fall_ill() -> None:
        if world.router.does["production"] != before["production"]:
            world.docker.checks["mail"] = ("unhealthy", "no queue", ("CMD", "/check"))

    world.faults.on("clock wait", fall_ill)
    told = failure(world, "promote", watch_seconds=5)
    assert told == "app mail turned unhealthy, as Docker says: no queue"
    assert world.router.does == before


def test_status_and_gate_know_it(world: World) -> None:
    world.good("deploy")
    world.docker.checks["mail"] = ("unhealthy", "no queue", ("CMD", "/check"))
    app = status(world.host, world.stack).environments["staging"].apps["mail"]
    assert (app.state, app.healthy, app.cause) == ("running", False, "Docker says unhealthy: no queue")
    report = world.run("promote")
    assert report and [p["where"] for p in report.problems] == ["gate staging_healthy"]
    assert report.problems[0]["what"] == "not healthy: mail (Docker says unhealthy: no queue)"


# A worker's own command


def test_a_worker_is_asked_by_its_command(world: World) -> None:
    settings(world, "mail", health_command=["celery", "inspect", "ping"])
    world.good("deploy")
    assert set(world.docker.ran) == {("mail", ("celery", "inspect", "ping"))}
    world.docker.ends["mail"] = (-1, "did not end within 5 s")
    app = status(world.host, world.stack).environments["staging"].apps["mail"]
    assert not app.healthy and app.cause == "its health_command fails: did not end within 5 s"
    assert "gate staging_healthy" in [p["where"] for p in (world.run("promote") or pytest.fail()).problems]
    world.commit({"mail": HEALTHY})
    assert "app mail is not healthy after 5 s: its health_command fails" in failure(world)


def test_a_worker_that_fails_at_the_end_of_the_watch_period(world: World) -> None:
    settings(world, "mail", health_command=["ping"])
    world.good("deploy")
    world.faults.on("clock wait 0.5", lambda: world.docker.ends.update(mail=(1, "no queue")))
    assert "app mail is no longer healthy: its health_command fails" in failure(world, "promote", watch_seconds=2)


# What is said


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (["127.0.0.1:3000"], "runs, but nothing listens on 0.0.0.0:3000; it listens on 127.0.0.1:3000"),
        (["[::1]:3000"], "runs, but nothing listens on 0.0.0.0:3000; it listens on [::1]:3000"),
        (["0.0.0.0:8080"], "runs, but nothing listens on 0.0.0.0:3000; it listens on 0.0.0.0:8080"),
        ([], "runs, but nothing listens on 0.0.0.0:3000; it listens on no port at all"),
        (["0.0.0.0:3000"], "no answer on port 21000: refused"),
        (["[::]:3000"], "no answer on port 21000: refused"),
    ],
)
def test_where_it_listens_instead(world: World, heard: list[str], told: str) -> None:
    world.probe.instead["api"] = Answer(0, error="no answer on port 21000: refused")
    world.machine.heard = heard
    report = world.run("deploy")
    assert report and report.problems[0]["what"] == f"app api is not healthy after 5 s: {told}"
    if told.startswith("runs"):
        assert report.fix == "let it listen on 0.0.0.0:3000, or correct its `port`"


def test_nothing_is_said_twice(world: World) -> None:
    world.commit({"api": CRASHING})
    told = failure(world)
    assert told.startswith("app api keeps crashing: exit code 1, ") and told.count("crashing") == 1


def test_an_app_that_ignores_sigterm_is_named(world: World) -> None:
    world.good("deploy")
    world.docker.deaf.add("api")
    world.commit({"api": HEALTHY})
    report = world.good("deploy")
    (note,) = report.notes
    assert note.startswith("api ignored SIGTERM and was killed after 10 s.") and "`exec`" in note
    world.docker.deaf.clear()
    world.commit({"api": HEALTHY})
    assert world.good("deploy").notes == []


def test_one_endless_line_of_a_log_is_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.docker, "logs", lambda container, lines: ["x" * 3_000_000, "short"])
    world.probe.instead["api"] = Answer(500, body="y" * 5000)
    report = world.run("deploy")
    assert report and report.log == ["x" * 2000 + "… (2998000 more characters)", "short"]
    assert len(report.problems[0]["what"]) < 2100 and len(report.message) < 2100


# What stands in the way


@pytest.mark.parametrize("name", ["deploy", "promote", "rollback"])
@pytest.mark.parametrize("service", ["nginx", "haproxy"])
def test_a_stopped_service_is_found_before_anything_starts(world: World, name: str, service: str) -> None:
    world.ship()
    world.ship()
    world.commit({"api": HEALTHY})
    if name == "promote":
        world.good("deploy")
    boxes, built = list(world.docker.boxes), len(world.docker.images)
    world.machine.down.add(service)
    report = world.run(name)
    assert report and report.failed and report.message == "refused, nothing was changed"
    assert "does not run" in report.problems[0]["what"]
    assert report.problems[0]["fix"].startswith(f"on the host: systemctl start {service};")
    assert (world.docker.boxes, len(world.docker.images)) == (boxes, built)


def test_a_port_in_other_hands_is_named_before_anything_starts(world: World) -> None:
    world.good("deploy")
    world.commit({"api": HEALTHY})
    world.machine.taken = {21001: "python3 (process 4711)", 21000: "the live slot, which is none of our business"}
    report = world.run("deploy")
    assert report and [(p["what"], p["where"]) for p in report.problems] == [
        ("port 21001 is taken by python3 (process 4711), and api needs it", "staging green")
    ]
    assert "sudo ss -ltnp sport = :21001" in report.problems[0]["fix"]


def test_a_slot_that_is_kept_warm_has_its_ports_itself(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    idle = next(
        b.port
        for b in world.up("production")
        if b.app == "api" and b.release != world.entries("production")[-1].release.id
    )
    world.machine.taken = {idle: "dockerd (process 1)"}
    world.good("rollback")


def test_a_directory_that_docker_would_make_as_root(world: World) -> None:
    volumes = ["/srv/uploads:/data", {"type": "bind", "source": "/srv/more", "target": "/more"}, "/srv/there:/there"]
    settings(world, "api", compose={"volumes": volumes}, user=10003)
    world.machine.absent = {"/srv/uploads", "/srv/more", "/else"}
    report = world.run("deploy")
    assert report and [p["where"].partition(",")[0] for p in report.problems] == ["/srv/more", "/srv/uploads"]
    assert report.problems[1]["fix"] == "on the host: sudo install -d -o 10003 /srv/uploads"
    world.machine.absent = set()
    world.good("deploy")
