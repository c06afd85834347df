# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anything in any order: deploys, promotes, rollbacks, faults, kills, reboots, cleanups. The promises always hold."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import tempfile
from typing import Any

import pytest
from fakes.concurrency import one_by_one
from fakes.docker import BREAKING, BREAKING_IN_PRODUCTION, CRASHING, DYING, HEALTHY, SICK, UNBUILDABLE
from fakes.restores import BEFORE, RESTORED
from fakes.stacks import (
    MIGRATE,
    changed_service,
    changed_stack,
    host_with_addresses,
    host_with_an_archive,
    host_with_services,
    shop_definition,
    shop_with_backups,
    shop_with_endpoints,
    shop_with_jobs,
    shop_with_processes,
    shop_with_services,
)
from fakes.world import World
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from invariants.invariants import check_always, check_settled, left_of_runs
from support.profiles import FAST, SEQUENCES

from release.errors import RefusedError
from release.operations.backups import BackupReport
from release.operations.drill import DrillReport
from release.operations.observe import observe
from release.operations.status import status
from release.process import journal
from release.releases.backups import Places
from release.releases.history import GOOD, kept, rollback_target
from release.releases.release import Live
from release.releases.report import OperationReport
from release.releases.runs import Run
from release.stack.model import ENVIRONMENTS, SLOTS, EnvironmentName
from release.util.concurrency import TaskPool

APPS = ("api", "front", "mail")
#: Most sources are good, or nothing would ever go live.
BEHAVIOURS = st.sampled_from([HEALTHY] * 6 + [SICK, CRASHING, DYING, UNBUILDABLE, BREAKING, BREAKING_IN_PRODUCTION])
SOME_APPS = st.one_of(st.just(()), st.sets(st.sampled_from(APPS), min_size=1).map(lambda s: tuple(sorted(s))))
#: What strikes, at which change, before or after it.
FAULTS = st.one_of(
    st.none(),
    st.tuples(st.sampled_from(["kill", "kill", "fail", "disk", "lasting"]), st.integers(1, 34), st.booleans()),
)
WARM = st.sampled_from([0, 0, 600])
WATCH = st.sampled_from([0, 0, 10])


#: What may be lost, one at a time.
LOSSES = (
    "file",
    "file before a restart",
    "provisioned over",
    "memory",
    "release",
    "status",
    "warm note",
    "compose file",
)


def lose(world: World, loss: str, environment: EnvironmentName, which: int) -> None:
    """Lose one of what says what is live in an environment."""
    names = [entry.release.id for entry in world.entries(environment)]
    router = world.router
    if loss.startswith("file"):
        router.files[environment] = ""
    if loss in ("memory", "file before a restart"):
        router.does[environment] = ""
    if loss == "provisioned over" and router.files[environment] != "none/none":
        router.files[environment] = router.does[environment] = "none/none"
    if loss == "warm note":
        world.store.notes.pop(environment, None)
    if loss == "compose file":
        world.store.files.pop(f"/state/{environment}-{SLOTS[which % 2]}/compose.json", None)
    if names and loss == "release":
        world.store.written[names[which % len(names)]].is_lost = True
    if names and loss == "status":
        world.store.written[names[which % len(names)]].status = "unknown"


#: So many tests share the sequences, for as many cores as there are.
PARTS = 4


class Life(RuleBasedStateMachine):
    """The life of one host."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(dir=FAST)
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(TaskPool, "all", one_by_one)
        self.world = World(self.directory.name)
        self.in_place = False
        self.forgotten = False
        self.were_live: set[str] = set()
        self.out: set[str] = set()
        self.fixed_tags: dict[str, str] = {}

    def teardown(self) -> None:
        # Whatever happened last: one recovery, and all is in order.
        self.world.reboot()
        self.world.recover()
        check_settled(self.world)
        self.patch.undo()
        self.directory.cleanup()

    @initialize(
        in_place=st.booleans(),
        shipped=st.integers(0, 2),
        beside=st.booleans(),
        processes=st.booleans(),
        replicas=st.integers(1, 3),
        more=st.sets(st.sampled_from(["jobs", "promises", "migrations", "backups"])),
    )
    def begin(
        self,
        in_place: bool,
        shipped: int,
        beside: bool,
        processes: bool,
        *,
        replicas: int,
        more: set[str],
    ) -> None:
        definition = shop_with_services(in_place) if beside else shop_definition(in_place)
        if processes:
            definition["apps"]["jobs"] = shop_with_processes(in_place)["apps"]["jobs"]
        if "jobs" in more:
            with_jobs = shop_with_jobs(in_place)
            definition["hooks"] = with_jobs["hooks"]
            definition["apps"] |= {name: app for name, app in with_jobs["apps"].items() if app.get("kind") == "job"}
        definition["apps"]["api"]["replicas"] = replicas
        if "promises" in more:
            definition["endpoints"] = shop_with_endpoints()["endpoints"]
        if "backups" in more:
            backed_up = shop_with_backups()
            definition |= {key: backed_up[key] for key in ("env_matrix", "env", "secrets", "databases")}
            definition["apps"]["api"]["database"] = "main"
            more.add("migrations")
        if "migrations" in more:
            definition["apps"]["api"]["migrate"] = {**MIGRATE, "down": ["down", "{revision}"]}
        self.world = World(self.directory.name, definition)
        if "migrations" in more:
            host_with_addresses(self.world)
        if "backups" in more:
            host_with_an_archive(self.world)
            self.world.places.places = Places("/mnt/backups", "pass")
        if beside:
            host_with_services(self.world)
        self.in_place = in_place
        for _ in range(shipped):
            self.world.ship()
            self.note()

    # Operations

    def run(self, name: str, fault: tuple[str, int, bool] | None, **options: Any) -> OperationReport | None:
        faults = self.world.faults
        faults.disarm()
        before = dict(self.world.router.does)
        if fault:
            kind, number, after = fault
            if kind == "kill":
                faults.kill_at(number, after)
            else:
                faults.fail_at(number, after=after, disk=kind == "disk", lasting=kind == "lasting")
        # What was left open, or has forgotten what is live, is put right first, whatever becomes of this one.
        left = self.world.unfinished("production") or self.world.unfinished("staging") or "" in before.values()
        # The router says that nothing is live, which is not so: that is put right as well.
        left = left or self.forgotten
        report = self.world.run(name, **options)
        self.world.revive()
        self.note()
        if report and report.failed:
            assert report.problems and report.message
            if not left and not report.changed and "could not be undone" not in report.message:
                assert self.world.router.does == before, report
        return report

    def note(self) -> None:
        for text in self.world.router.files.values():
            if live := Live.parse(text):
                self.were_live.add(live.release)

    @rule(
        apps=SOME_APPS,
        behaviour=BEHAVIOURS,
        changed=st.sets(st.sampled_from(APPS)),
        fault=FAULTS,
        rebuild=st.booleans(),
    )
    def deploy(
        self,
        apps: tuple[str, ...],
        behaviour: str,
        changed: set[str],
        fault: tuple[str, int, bool] | None,
        rebuild: bool,
    ) -> None:
        self.world.commit(dict.fromkeys(sorted(changed), behaviour))
        self.run("deploy", fault, apps=apps, rebuild=rebuild)

    def mend_databases(self) -> None:
        """They answer, nobody holds a lock there, and what had failed is mended."""
        databases = self.world.databases
        databases.fails, databases.locked, databases.is_down = {}, 0, False
        self.world.backups.away_since = 0.0

    @rule()
    def deploy_good(self) -> None:
        """Out of any state, a good commit gets through to staging."""
        self.world.commit(dict.fromkeys(APPS, HEALTHY))
        self.world.one_off.ends.clear()
        self.mend_databases()
        report = self.run("deploy", None)
        assert report and not report.failed, report

    @rule(apps=SOME_APPS, fault=FAULTS, warm=WARM, watch=WATCH)
    def promote(self, apps: tuple[str, ...], fault: tuple[str, int, bool] | None, warm: int, watch: int) -> None:
        self.run("promote", fault, apps=apps, warm_seconds=warm, watch_seconds=watch)

    @rule(fault=FAULTS, warm=WARM, watch=WATCH, apps=SOME_APPS, secrets=st.sampled_from(["today", "release"]))
    def rollback(
        self, fault: tuple[str, int, bool] | None, warm: int, watch: int, apps: tuple[str, ...], secrets: str
    ) -> None:
        self.run("rollback", fault, warm_seconds=warm, watch_seconds=watch, apps=apps, secrets=secrets)

    @rule()
    def rollback_works(self) -> None:
        """Whenever there is a good older release with its images; and the second time changes nothing."""
        self.world.recover()
        self.note()
        live = Live.parse(self.world.router.files["production"])
        target = rollback_target(
            self.world.entries("production"),
            "production",
            live.release if live else "",
            set(self.world.docker.images),
        )
        report = self.run("rollback", None)
        assert report
        if live and self.world.entry(live.release).via == "rollback" and not report.changed:
            assert not report.failed, report
        elif live is None or target is None:
            assert report.failed, report
        elif all(self.world.docker.images[image][1] == HEALTHY for image in target.release.images.values()):
            assert report.changed and report.release == target.release.id, report
            again = self.run("rollback", None)
            assert again and not again.changed and not again.failed, again

    @rule(which=st.integers(0, 30), fault=FAULTS)
    def rollback_to(self, which: int, fault: tuple[str, int, bool] | None) -> None:
        """A release that a person names may be one that was rolled back from."""
        entries = self.world.entries("production")
        if entries:
            name = entries[which % len(entries)].release.id
            self.out.discard(name)
            self.run("rollback", fault, release=name)

    @precondition(lambda self: bool(self.world.stack.migrations))
    @rule(which=st.integers(0, 30), fault=FAULTS, way=st.sampled_from(["keep", "downgrade", "downgrade"]))
    def rollback_with_its_schema(self, which: int, fault: tuple[str, int, bool] | None, way: str) -> None:
        """Also under a release that is live, and to one that is newer; it may be refused."""
        entries = self.world.entries("production")
        if entries:
            name = entries[which % len(entries)].release.id
            self.out.discard(name)
            self.run("rollback", fault, release=name, database=way, confirm="production")

    @rule()
    def recover(self) -> None:
        self.world.recover()
        self.note()

    @rule(operation=st.sampled_from(["deploy", "promote", "rollback"]))
    def check_mode(self, operation: str) -> None:
        """Changes nothing at all, and says the truth about whether something would."""
        self.world.recover()
        self.note()
        self.world.faults.disarm()
        asked = self.world.run(operation, check=True)
        assert asked and self.world.faults.calls in ([], ["git fetch"]), self.world.faults.calls
        if operation != "deploy":  # of a deploy, only a build can tell
            done = self.run(operation, None)
            assert done and (asked.message.startswith("would ") or not done.changed), (asked, done)

    @precondition(lambda self: "digest" in self.world.stack.apps)
    @rule(
        environment=st.sampled_from(ENVIRONMENTS),
        ends=st.sampled_from([(1.0, 0), (5.0, 1), (10000.0, 0)]),
        fault=FAULTS,
    )
    def run_job(
        self, environment: EnvironmentName, ends: tuple[float, int], fault: tuple[str, int, bool] | None
    ) -> None:
        """Its image and values are those of what is live, and it never goes twice at the same time."""
        faults = self.world.faults
        faults.disarm()
        if fault:
            faults.kill_at(fault[1], fault[2])
        self.world.one_off.ends["digest"] = ends
        run = self.world.run_job(environment, "digest")
        self.world.revive()
        self.note()
        # What an interrupted operation has left of a hook's run is for its recovery.
        if not fault and not journal.unfinished("shop", environment, self.world.paths.state):
            assert not left_of_runs(self.world, environment)
        if isinstance(run, Run):
            live = Live.parse(self.world.router.files[environment])
            assert live is not None and run.release == live.release, run

    @precondition(lambda self: "digest" in self.world.stack.apps)
    @rule(hook=st.sampled_from(["migrate", "smoke"]), code=st.sampled_from([0, 0, 0, 1]))
    def let_hooks_end(self, hook: str, code: int) -> None:
        self.world.one_off.ends[hook] = (1.0, code)

    @precondition(lambda self: self.world.stack.services)
    @rule(
        environment=st.sampled_from(ENVIRONMENTS),
        memory=st.sampled_from(["", "64m", "128m"]),
        sick=st.sampled_from([False, False, True]),
        fault=FAULTS,
    )
    def change_services(
        self, environment: EnvironmentName, memory: str, sick: bool, fault: tuple[str, int, bool] | None
    ) -> None:
        """Nothing of it may be seen by visitors, and whatever fails or is killed is put back."""
        self.world.stack = changed_service(self.world, "redis", memory=memory)
        self.world.docker.sick_services = {"search", "redis"} if sick else set()
        faults = self.world.faults
        faults.disarm()
        if fault:
            kind, number, after = fault
            if kind == "kill":
                faults.kill_at(number, after)
            else:
                faults.fail_at(number, after=after, disk=kind == "disk", lasting=kind == "lasting")
        self.world.change_services(environment)
        faults.revive()
        self.world.docker.sick_services = set()
        if not fault and not sick:
            assert not self.world.unfinished(environment)

    @rule(
        environment=st.sampled_from(ENVIRONMENTS),
        state=st.sampled_from(["on", "on", "off"]),
        app=st.sampled_from(["", "api", "front"]),
        hours=st.integers(1, 48),
        fault=FAULTS,
    )
    def maintain(
        self, environment: EnvironmentName, state: str, app: str, hours: int, fault: tuple[str, int, bool] | None
    ) -> None:
        """Whatever is closed for visitors, operations go on."""
        faults = self.world.faults
        faults.disarm()
        left = self.world.unfinished(environment)
        if fault:
            kind, number, after = fault
            if kind == "kill":
                faults.kill_at(number, after)
            else:
                faults.fail_at(number, after=after, disk=kind == "disk", lasting=kind == "lasting")
        if state == "on":
            with contextlib.suppress(RefusedError):  # the apps have others names by now
                self.world.maintain("on", environment, app=app, until=f"{hours}h")
        else:
            self.world.maintain("off", environment)
        faults.revive()
        if not fault:
            assert left or not self.world.unfinished(environment)

    @rule(
        app=st.sampled_from(APPS),
        number=st.sampled_from([1, 2, 3, "default"]),
        environment=st.sampled_from(ENVIRONMENTS),
        stuck=st.sampled_from([False, False, True]),
        fault=FAULTS,
    )
    def scale(
        self, app: str, number: int | str, environment: str, stuck: bool, fault: tuple[str, int, bool] | None
    ) -> None:
        """Visitors see nothing of it, and whatever fails or is killed is put back or finished."""
        faults = self.world.faults
        faults.disarm()
        self.world.docker.stuck = {f"{app}.2"} if stuck else set()
        if fault:
            kind, strikes, after = fault
            if kind == "kill":
                faults.kill_at(strikes, after)
            else:
                faults.fail_at(strikes, after=after, disk=kind == "disk", lasting=kind == "lasting")
        self.world.scale(app, number, environment)
        faults.revive()
        self.world.docker.stuck = set()
        self.note()

    # The data

    def strike(self, fault: tuple[str, int, bool] | None) -> None:
        self.world.faults.disarm()
        if fault:
            kind, number, after = fault
            if kind == "kill":
                self.world.faults.kill_at(number, after)
            else:
                self.world.faults.fail_at(number, after=after, disk=kind == "disk", lasting=kind == "lasting")

    @precondition(lambda self: bool(self.world.stack.databases))
    @rule(ago=st.sampled_from([0, 100, 1000, 5000]), environment=st.sampled_from(ENVIRONMENTS), fault=FAULTS)
    def restore(self, ago: int, environment: EnvironmentName, fault: tuple[str, int, bool] | None) -> None:
        """The cluster is the one of before or the restored one, whole, whatever strikes."""
        moment = datetime.datetime.fromtimestamp(self.world.clock.now() - ago, datetime.timezone.utc)
        wish = {"at": moment.strftime("%Y-%m-%dT%H:%M:%SZ") if ago else "latest", "confirm": environment}
        self.strike(fault)
        self.world.restore(environment=environment, **wish)
        self.world.revive()
        # What is kept is called like the second in which it was put aside.
        self.world.clock.time += 2
        self.note()

    @precondition(lambda self: bool(self.world.stack.databases))
    @rule(fault=FAULTS)
    def back_up(self, fault: tuple[str, int, bool] | None) -> None:
        """It changes nothing of what runs, and the next one succeeds."""
        router = dict(self.world.router.does)
        self.strike(fault)
        self.world.back_up()
        self.world.revive()
        self.mend_databases()
        again = self.world.back_up()
        assert isinstance(again, BackupReport) and again.ok, again
        assert self.world.router.does == router

    @precondition(lambda self: bool(self.world.stack.databases))
    @rule(fault=FAULTS)
    def drill(self, fault: tuple[str, int, bool] | None) -> None:
        """It touches nothing but its copy, and the next one removes what it has left."""
        before = {name: dataclasses.replace(it) for name, it in self.world.restores.known.items()}
        self.strike(fault)
        self.world.drill()
        self.world.revive()
        self.mend_databases()
        again = self.world.drill()
        assert isinstance(again, (DrillReport, RefusedError)), again
        assert not self.world.scratch.there and self.world.restores.known == before

    # What happens to a host

    @rule(loss=st.sampled_from(LOSSES), environment=st.sampled_from(ENVIRONMENTS), which=st.integers(0, 30))
    def damage(self, loss: str, environment: EnvironmentName, which: int) -> None:
        """One witness of what is live, or one file, is lost. Production goes on, and the next operation works."""
        self.world.recover()
        self.note()
        before = Live.parse(self.world.router.does["production"])
        lose(self.world, loss, environment, which)
        state = observe(self.world.host, self.world.stack)
        assert state.live["production"] == before, "status believes who has forgotten"
        self.world.violations.clear()
        if which % 3 == 0:
            self.world.reboot()
        self.forgotten = loss == "provisioned over"
        if which % 2 == 0:
            self.world.commit(dict.fromkeys(APPS, HEALTHY))
            self.run("deploy", None)
            self.run("promote", None, skip_gates=("staging_healthy",))
        self.world.recover()
        self.forgotten = False
        self.world.violations.clear()
        if which % 2:
            assert Live.parse(self.world.router.does["production"]) == before
        assert not self.world.recover() and not status(self.world.host, self.world.stack).damage

    @rule(hours=st.integers(-48, 48))
    def set_clock(self, hours: int) -> None:
        self.world.clock.set_by = 3600.0 * hours

    @rule()
    def reboot(self) -> None:
        self.world.reboot()

    @rule()
    def prune(self) -> None:
        # Between the stop of an app that never runs twice and its start, its old container is all there is of it.
        if not (self.in_place and (self.world.unfinished("staging") or self.world.unfinished("production"))):
            self.world.prune()

    @rule(which=st.integers(0, 30))
    def remove_image(self, which: int) -> None:
        images = sorted(self.world.docker.images)
        open_still = self.world.unfinished("staging") or self.world.unfinished("production")
        if images and not (self.in_place and open_still):
            self.world.remove_image(images[which % len(images)])

    @rule()
    def rotate_secret(self) -> None:
        self.world.rotate_secret()

    @rule(number=st.integers(1, 9))
    def change_key(self, number: int) -> None:
        self.world.store.keys["jwt_private.pem"] = b"%d" % number

    @rule()
    def change_setting(self) -> None:
        self.world.change_setting()

    @rule(memory=st.sampled_from(["", "256m", "512m"]), app=st.sampled_from(APPS))
    def provision(self, memory: str, app: str) -> None:
        self.world.stack = changed_stack(self.world, **{app: {"memory": memory}})

    @rule(app=st.sampled_from(APPS), moved=st.booleans(), replace=st.sampled_from(["start_first", "stop_first"]))
    def provision_other_ways(self, app: str, moved: bool, replace: str) -> None:
        """By what the live release is reached stays, whatever the inventory says of the next one."""
        settings: dict[str, Any] = {"replace": replace}
        if replace == "stop_first":
            settings["replicas"] = 1
        if app != "mail":
            settings["loopback_port"] = {"api": 21000, "front": 21010}[app] + (1000 if moved else 0)
        self.world.stack = changed_stack(self.world, **{app: settings})
        self.in_place = self.in_place or replace == "stop_first"

    @rule(seconds=st.integers(1, 1000))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.time += seconds

    @precondition(lambda self: bool(self.world.stack.migrations))
    @rule(fails=st.sampled_from(["", "", "no transaction"]), locked=st.sampled_from([0, 0, 1, 9]), down=st.booleans())
    def a_new_migration(self, fails: str, locked: int, down: bool) -> None:
        """The next image of the API brings one more, which may not go well."""
        databases = self.world.databases
        databases.newest = f"{int(databases.newest[:4]) + 1:04}"
        databases.fails = {databases.newest: (f"{int(databases.newest) - 1:04}-half", ["ERROR: no"])} if fails else {}
        databases.locked, databases.is_down = locked, down and not databases.is_down

    @precondition(lambda self: bool(self.world.stack.databases))
    @rule()
    def the_archive_goes_away_or_comes_back(self) -> None:
        backups = self.world.backups
        backups.away_since = 0.0 if backups.away_since else self.world.clock.now()

    @precondition(lambda self: any(self.world.store.notes.values()))
    @rule()
    def expire_standby(self) -> None:
        """The timer of a warm slot goes off, early or late."""
        self.world.expire_standby()

    # What must hold

    @invariant()
    def promises(self) -> None:
        world = self.world
        check_always(world)
        for entry in world.entries("production"):
            tested = world.entry(entry.release.promoted_from)
            assert tested.release.id in self.were_live, "promoted what never was live in staging"
        if any(world.unfinished(environment) or left_of_runs(world, environment) for environment in ENVIRONMENTS):
            return
        check_settled(world)
        for cluster in world.restores.known.values():
            assert cluster.data in (BEFORE, RESTORED) and cluster.runs, cluster
            assert not cluster.guard and cluster.fresh is None, cluster
        live = Live.parse(world.router.files["production"])
        if live:
            assert live.release not in self.out, "a release that was given up came back by itself"
            assert all(entry.status in GOOD for entry in kept(world.entries("production"), "production", live.release))
        for environment in ("staging", "production"):
            self.out |= {e.release.id for e in world.entries(environment) if e.status in ("failed", "rolled_back")}

    @invariant()
    def tags_of_commits_never_move(self) -> None:
        now = {tag: image for tag, image in self.world.docker.tags.items() if tag.split(":")[1][:1].isalnum()}
        now = {
            tag: image for tag, image in now.items() if tag.split(":")[1] not in ("staging", "production", "rollback")
        }
        for tag, image in now.items():
            assert self.fixed_tags.get(tag, image) == image, f"{tag} moved"
        self.fixed_tags = now


@pytest.mark.parametrize("part", range(PARTS))
def test_life(part: int) -> None:
    """Each part draws sequences of its own."""
    run_state_machine_as_test(Life, settings=settings(max_examples=SEQUENCES // PARTS))


def test_the_world_is_checked_at_all(world: World) -> None:
    """A switch to a slot where nothing runs is seen at once; otherwise all of the above would prove nothing."""
    world.ship()
    world.router.set_live("shop", "production", Live("green", world.entries("production")[0].release.id))
    assert world.violations
    with pytest.raises(AssertionError):
        check_always(world)


def test_a_mix_is_seen(world: World) -> None:
    """A container that answers in the name of another release is seen."""
    world.ship()
    world.docker.boxes = [dataclasses.replace(box, release="other") for box in world.docker.boxes]
    world.look()
    assert any("answers in the name of" in text for text in world.violations)
