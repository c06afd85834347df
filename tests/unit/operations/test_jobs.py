# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: no container in a slot, the live release's image and values, by schedule, by hand, never twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pytest
from fakes.docker import HEALTHY
from fakes.faults import Killed
from fakes.one_off import RunBox
from fakes.stacks import shop_with_jobs
from fakes.world import World
from invariants.invariants import check_settled

from release.errors import OperationError, RefusedError
from release.operations import job_runs, jobs, status
from release.process import lock
from release.releases.events import Event
from release.releases.lock_holder import LockHolder
from release.releases.runs import Run
from release.stack.model import EnvironmentName
from release.stack.reader import read_stack


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(str(tmp_path), shop_with_jobs())


class Told:
    """Keeps what would be sent."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def notify(self, event: Event, wait: bool = False) -> None:
        self.events.append(event)

    def troubles(self) -> list[str]:
        return []

    def test(self, event: Event) -> Iterable[tuple[str, str]]:
        return []


@pytest.fixture
def told(world: World) -> list[Event]:
    """What people are told of jobs; not of the operations before."""
    world.ship()
    events: list[Event] = []
    world.host = dataclasses.replace(world.host, notifier=Told(events))
    return events


def test_jobs_are_built_and_promoted_and_have_no_container_in_a_slot(world: World) -> None:
    world.ship()
    assert {box.app for box in world.docker.boxes} == {"api", "front", "mail"}
    [entry] = world.entries("production")
    assert set(entry.release.images) == {"api", "front", "mail", "digest", "report", "migrate", "smoke"}
    assert entry.release.images["digest"] == entry.release.images["api"] != entry.release.images["report"]
    assert world.tag("report", "production") == entry.release.images["report"]
    check_settled(world)


def test_a_release_that_changes_a_job_alone_is_one(world: World) -> None:
    world.ship()
    world.ship(report=HEALTHY)
    again = world.run("deploy")
    assert again is not None and not again.changed and "already runs" in again.message
    back = world.good("rollback")
    assert back.changed
    check_settled(world)


def test_a_rollback_starts_kept_containers_though_jobs_have_none(world: World) -> None:
    world.ship()
    before = {box.id for box in world.docker.boxes if box.environment == "production"}
    world.ship(api=HEALTHY)
    world.good("rollback")
    assert before <= {box.id for box in world.docker.boxes}


def test_the_status_tells_apps_and_jobs_apart(world: World) -> None:
    world.ship()
    found = status.status(world.host, world.stack)
    assert set(found.environments["production"].apps) == {"api", "front", "mail"}
    assert not found.environments["production"].unhealthy_apps


def hour(number: int) -> float:
    """The moment of a turn of the fake schedule."""
    return (1_800_000_000 // 3600 + number) * 3600.0


def who(world: World, operation: str = "job") -> LockHolder:
    return lock.this_process(operation, "ann", "desk", world.clock.now(), "why not")


def run_now(world: World, name: str = "digest", environment: EnvironmentName = "production") -> Run:
    return job_runs.now(world.host, world.stack, environment, name, who(world))


def fire(world: World, name: str = "digest", environment: EnvironmentName = "production") -> Run | None:
    return job_runs.by_schedule(world.host, world.stack, environment, name, who(world))


def test_run_by_a_person_it_has_the_live_releases_image_and_command(world: World) -> None:
    world.ship()
    first = run_now(world)
    world.ship(api=HEALTHY)
    second = run_now(world)
    live = world.router.live("shop", "production")
    assert live is not None and [first.outcome, second.outcome] == ["succeeded"] * 2
    assert (second.release, second.person, second.host, second.reason) == (live.release, "ann", "desk", "why not")
    assert first.release != second.release
    world.good("rollback")
    assert run_now(world).release == first.release


def test_its_container_is_that_of_the_app_with_its_own_command(world: World) -> None:
    world.ship()
    seen: list[RunBox] = []
    world.faults.on("docker start run of digest", lambda: seen.extend(world.one_off.boxes))
    run_now(world)
    [box] = seen
    assert box.item["command"] == ["node", "digest.js"]
    assert box.image == world.entries("production")[0].release.images["api"]
    assert box.network == "shop-production-blue_default"


def test_by_schedule_each_turn_has_one_run(world: World) -> None:
    world.ship()
    assert fire(world) is None  # no turn has come since the release is live
    world.clock.time = hour(2) + 1
    run = fire(world)
    assert run is not None and (run.why, run.missed, run.late) == ("schedule", 1, "")
    assert fire(world) is None
    world.clock.time = hour(3)
    again = fire(world)
    assert again is not None and again.missed == 0
    assert [app for app, *_ in world.one_off.started].count("digest") == 2


def test_a_late_run_says_so_and_is_told(world: World, told: list[Event]) -> None:
    world.clock.time = hour(1) + 1800
    run = fire(world)
    assert run is not None and run.late == "began 1800 s after its time"
    [event] = told
    assert event.event == "failure" and "digest of shop production succeeded" in event.text
    assert "it began 1800 s after its time" in event.text


def test_a_failed_run_is_told_without_what_it_printed(world: World, told: list[Event]) -> None:
    world.one_off.ends["digest"] = (2.0, 4)
    run = run_now(world)
    assert (run.outcome, run.exit_code, run.log) == ("failed", 4, ("digest printed something",))
    [event] = told
    assert event.text.startswith("job digest of shop production failed after 2")
    assert "exit code 4" in event.text and "printed" not in event.text
    assert "sudo onehost jobs --stack shop --environment production" in event.text
    world.one_off.ends["digest"] = (2.0, 0)
    run_now(world)
    assert len(told) == 1


def test_it_never_runs_twice_at_the_same_time(world: World) -> None:
    world.ship()
    refused: list[str] = []

    def again() -> None:
        with pytest.raises(RefusedError) as error:
            run_now(world)
        refused.append(str(error.value))
        with pytest.raises(RefusedError):
            fire(world)

    world.faults.on("docker start run of digest", again)
    run_now(world)
    assert "busy: job" in refused[0]
    assert [app for app, *_ in world.one_off.started].count("digest") == 1
    world.faults.disarm()
    # In the other environment, and other jobs, it may.
    world.faults.on("docker start run of digest", lambda: run_now(world, "report") and None)
    run_now(world)
    assert not world.violations


def test_a_run_outlives_the_release_that_it_began_in(world: World) -> None:
    world.ship()
    world.one_off.ends["digest"] = (600.0, 0)
    promoted: list[str] = []

    def promote() -> None:
        if not promoted:
            promoted.append("")
            promoted.append(world.ship(api=HEALTHY)[1])

    world.faults.on("clock wait 1", promote)
    run = run_now(world)
    assert run.outcome == "succeeded" and run.release != promoted[1]
    assert not world.violations


def killed_while_it_goes(world: World, seconds: float = 600.0) -> None:
    def kill() -> None:
        raise Killed

    world.one_off.ends["digest"] = (seconds, 0)
    world.faults.on("clock wait", kill)
    with pytest.raises(Killed):
        run_now(world)
    world.revive()


def test_what_goes_on_without_its_engine_is_waited_for_first(world: World) -> None:
    world.ship()
    killed_while_it_goes(world)
    run = run_now(world)
    before, after = reversed([known for known in world.runs.records("shop") if known.app == "digest"])
    assert (before.outcome, after.outcome) == ("succeeded", "succeeded") and run == after
    assert before.ended is not None and after.begun >= before.ended
    assert not world.violations


def test_recovery_concludes_what_a_reboot_interrupted_and_tells_it(world: World, told: list[Event]) -> None:
    killed_while_it_goes(world)
    assert job_runs.mend(world.host, world.stack, "production") == []  # it goes on
    world.reboot()
    [text] = job_runs.mend(world.host, world.stack, "production")
    assert text.startswith("digest of shop production interrupted") and "exit code 255" in text
    assert len(told) == 1 and not world.one_off.boxes
    assert job_runs.mend(world.host, world.stack, "production") == []


def test_recovery_sets_timers_that_were_lost(world: World) -> None:
    world.ship()
    world.schedule.timers.clear()
    assert job_runs.mend(world.host, world.stack, "production") == ["shop production: the timers of its jobs were set"]
    assert world.schedule.timers["production"] == {
        "digest": "Mon..Fri 06:00 Asia/Seoul",
        "report": "hourly UTC",
    }


def test_suspended_it_runs_only_when_a_person_says_so(world: World) -> None:
    world.ship()

    def set_suspended(suspended: bool) -> bool:
        return jobs.suspend(world.host, world.stack, "production", "digest", who(world), suspended=suspended)

    assert set_suspended(True)
    assert not set_suspended(True)
    world.ship(api=HEALTHY)
    world.reboot()
    world.clock.time = hour(5)
    assert fire(world) is None
    assert run_now(world).outcome == "succeeded"
    row = jobs.listing(world.host, world.stack, "production")["digest"]
    assert (row.suspended, row.next_at) == ("by ann: why not", None)
    world.clock.time = hour(7) + 30
    assert set_suspended(False)
    # What passed meanwhile was not missed.
    assert fire(world) is None
    world.clock.time = hour(8)
    run = fire(world)
    assert run is not None and run.missed == 0


def test_the_list_has_every_job_of_the_live_release(world: World) -> None:
    assert jobs.listing(world.host, world.stack, "production") == {}
    world.ship()
    rows = jobs.listing(world.host, world.stack, "production")
    assert list(rows) == ["digest", "report", "migrate", "smoke"]
    assert rows["digest"].next_at == hour(1) and rows["migrate"].next_at is None
    world.one_off.ends["digest"] = (100000.0, 0)
    run = run_now(world)
    row = jobs.listing(world.host, world.stack, "production")["digest"]
    assert (row.outcome, row.last, row.is_wrong) == ("timed_out", run.id, True)
    assert list(jobs.listing(world.host, world.stack, "staging")) == ["digest", "migrate", "smoke"]


def refused(world: World, name: str, environment: EnvironmentName = "production") -> str:
    with pytest.raises(RefusedError) as error:
        run_now(world, name, environment)
    return str(error.value)


def test_what_cannot_be_run_is_refused(world: World) -> None:
    assert "nothing is live in production" in refused(world, "digest")
    world.ship()
    assert "'api' is no job" in refused(world, "api") and "choose from digest, report" in refused(world, "api")
    assert "'report' is no job" in refused(world, "report", "staging")
    assert "cannot be printed" in refused(world, "di\ngest")
    with pytest.raises(RefusedError, match="migrate has no schedule"):
        jobs.suspend(world.host, world.stack, "production", "migrate", who(world), suspended=True)


def test_a_slot_whose_files_are_of_another_release_runs_no_job(world: World) -> None:
    world.ship()
    live = world.router.live("shop", "production")
    assert live is not None
    world.store.files.pop(world.store.slot_compose_path(world.stack, "production", live.slot))
    with pytest.raises(OperationError, match="the files of the slot are of another release"):
        run_now(world)
    assert not [known for known in world.runs.records("shop") if known.app == "digest"]


def test_secrets_are_in_no_record(world: World) -> None:
    world.ship()
    secret = "s3cr3t-of-the-database"
    world.store.env["common"] = f"DATABASE_URL='{secret}'\n".encode()
    world.one_off.prints = [f"connecting to {secret}"]
    run = run_now(world)
    assert secret not in repr(run) and "connecting to" in run.log[0]


# Hooks


def runs_of(world: World, name: str) -> list[Run]:
    return [run for run in world.runs.records("shop") if run.app == name]


def test_hooks_run_in_the_new_slot_before_and_after_the_switch(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.faults.calls.clear()
    report = world.good("deploy")
    calls = world.faults.calls
    order = ["docker start front in staging green", "docker start run of migrate", "docker tag api:staging"]
    order += ["router file staging", "docker start run of smoke", "store status live"]
    places = [next(i for i, call in enumerate(calls) if call.startswith(text)) for text in order]
    assert places == sorted(places), calls
    run = runs_of(world, "migrate")[0]
    assert (run.release, run.why, run.person) == (report.release, "before_switch", "ann")
    assert [note.partition(" succeeded")[0] for note in report.notes] == [
        "before_switch: migrate",
        "after_switch: smoke",
    ]
    assert {"before_switch", "after_switch"} <= set(report.steps)
    check_settled(world)


def test_a_failing_hook_before_the_switch_puts_everything_back(world: World) -> None:
    world.ship()
    before = dict(world.router.does)
    world.one_off.ends["migrate"] = (1.0, 5)
    world.commit({"api": HEALTHY})
    report = world.run("deploy")
    assert report is not None and report.failed and not report.changed
    assert report.message.startswith("before_switch: migrate failed after 1")
    assert "everything was undone" in report.message and "exit code 5" in report.problems[0]["what"]
    assert report.log == ["migrate printed something"] and "jobs" in report.problems[0]["fix"]
    assert world.router.does == before
    assert not {"tags", "switch"} & set(report.steps)
    check_settled(world)


def test_a_failing_hook_after_the_switch_goes_back(world: World) -> None:
    world.ship()
    before, timers = dict(world.router.does), dict(world.schedule.timers)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    staging = world.router.does["staging"]
    world.one_off.ends["smoke"] = (1000.0, 0)
    report = world.run("promote")
    assert report is not None and report.failed and "after_switch: smoke took too long" in report.message
    assert world.router.does == {**before, "staging": staging}
    assert world.schedule.timers == timers
    check_settled(world)


def test_going_back_after_the_switch_brings_the_old_schedules_back(world: World) -> None:
    world.ship()
    timers = dict(world.schedule.timers["staging"])
    world.stack = read_stack("shop", shop_with_jobs(digest={"schedule": "daily UTC"}))
    world.commit({"api": HEALTHY})
    world.one_off.ends["smoke"] = (1.0, 1)
    report = world.run("deploy")
    assert report is not None and report.failed
    assert world.schedule.timers["staging"] == timers
    check_settled(world)


def kill_in(world: World, hook: str) -> None:
    """A deploy that is killed while a hook of it goes on, which would for long."""

    def kill() -> None:
        if world.one_off.boxes and world.one_off.boxes[-1].app == hook:
            raise Killed

    world.commit({"api": HEALTHY})
    world.one_off.ends[hook] = (15.0, 0)
    world.faults.on("clock wait", kill)
    assert world.run("deploy") is None
    world.revive()


def test_killed_in_a_hook_before_the_switch_it_is_stopped_and_everything_undone(world: World) -> None:
    world.ship()
    before = dict(world.router.does)
    kill_in(world, "migrate")
    begun = len(world.one_off.started)
    [found] = world.recover()
    assert "before_switch: migrate interrupted: was stopped" in found and found.endswith("it was undone")
    assert len(world.one_off.started) == begun and world.router.does == before
    assert runs_of(world, "migrate")[0].exit_code == 143
    check_settled(world)


def test_killed_in_a_hook_after_the_switch_it_is_waited_for_and_not_begun_again(world: World) -> None:
    world.ship()
    kill_in(world, "smoke")
    begun = len(world.one_off.started)
    [found] = world.recover()
    assert "it was finished" in found and "smoke had begun before the interruption; it is not begun again" in found
    assert len(world.one_off.started) == begun
    assert runs_of(world, "smoke")[0].outcome == "succeeded"
    check_settled(world)


def test_a_reboot_in_a_hook_after_the_switch_undoes_the_release(world: World) -> None:
    world.ship()
    before = dict(world.router.does)
    kill_in(world, "smoke")
    world.reboot()
    [found] = world.recover()
    assert "after_switch: smoke failed" in found and found.endswith("so it was undone")
    assert world.router.does == before
    check_settled(world)


def test_a_rollback_runs_no_hooks(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)
    number = len(world.one_off.started)
    world.one_off.ends = {"migrate": (1.0, 1), "smoke": (1.0, 1)}
    preview = world.run("rollback", check=True)
    assert preview is not None and "no hooks are run by a rollback" in preview.preview
    world.good("rollback")
    assert len(world.one_off.started) == number


def test_the_preview_tells_what_would_run(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    report = world.run("deploy", check=True)
    assert report is not None
    assert "before_switch: would run migrate, for at most 20 s" in report.preview
    assert not runs_of(world, "migrate") or world.one_off.started[-1][0] == "smoke"


def test_a_hook_waits_for_its_jobs_own_run_and_no_longer_than_its_time(world: World, tmp_path: Path) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    with job_runs.alone(world.host, world.stack, "staging", "migrate", who(world)):
        world.stack = read_stack("shop", shop_with_jobs(migrate={"timeout_seconds": 1}))
        report = world.run("deploy")
    assert report is not None and report.failed
    assert "migrate goes on elsewhere: busy: job" in report.problems[0]["what"]
    check_settled(world)


# Timers


def test_timers_are_those_of_the_live_release(world: World) -> None:
    world.ship()
    first = dict(world.schedule.timers["production"])
    assert first == {"digest": "Mon..Fri 06:00 Asia/Seoul", "report": "hourly UTC"}
    assert world.schedule.timers["staging"] == {"digest": "Mon..Fri 06:00 Asia/Seoul"}
    world.stack = read_stack("shop", shop_with_jobs(digest={"schedule": "daily UTC"}, report={"schedule": None}))
    world.ship(api=HEALTHY)
    assert world.schedule.timers["production"] == {"digest": "daily UTC"}
    world.good("rollback")
    assert world.schedule.timers["production"] == first


def test_timers_go_with_the_last_job(world: World) -> None:
    world.ship()
    definition = shop_with_jobs()
    del definition["hooks"]
    definition["apps"] = {name: app for name, app in definition["apps"].items() if app.get("kind") != "job"}
    world.stack = read_stack("shop", definition)
    world.ship(api=HEALTHY)
    assert world.schedule.timers == {"staging": {}, "production": {}}
    asked = world.schedule.asked
    world.ship(api=HEALTHY)
    assert world.schedule.asked == asked


def test_a_stack_without_jobs_asks_nothing_and_has_no_step(tmp_path: Path) -> None:
    world = World(str(tmp_path))
    world.ship()
    report = world.ship(api=HEALTHY) and world.good("rollback")
    assert world.schedule.asked == 0 and not world.one_off.asked
    assert not {"before_switch", "after_switch"} & set(report.steps)
    status.status(world.host, world.stack)
    assert world.schedule.asked == 0 and not world.one_off.asked


def test_a_schedule_that_systemd_does_not_take_is_refused_before_anything_is_built(world: World) -> None:
    world.schedule.unknown = {"hourly UTC"}
    report = world.run("deploy")
    assert report is not None and report.failed
    [problem] = report.problems
    assert problem["where"] == "app report" and "Invalid argument" in problem["what"] and problem["fix"]
    assert not world.docker.images


def test_timers_that_cannot_be_set_are_a_failed_switch(world: World) -> None:
    world.ship()
    before = dict(world.router.does)
    world.stack = read_stack("shop", shop_with_jobs(digest={"schedule": "daily UTC"}))
    world.commit({"api": HEALTHY})

    def fail() -> None:
        world.faults.disarm()
        raise OperationError("the timers of jobs could not be set", "systemctl daemon-reload", "no")

    world.faults.on("schedules of staging", fail, after=False)
    report = world.run("deploy")
    assert report is not None and report.failed and "timers of jobs" in report.message
    assert world.router.does == before
    check_settled(world)
