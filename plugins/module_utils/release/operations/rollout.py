# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout of a release: start the idle slot, healthy, tags, switch, confirm, watch, drain, stop; and its revert.

Deploy, promote and rollback differ only in their plans. Every step can be repeated, so recovery can resume where a
killed operation stopped.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from ..ports import Host
from ..process.journal import Journal
from ..releases.compose import slot_network
from ..releases.history import find
from ..releases.plan import Plan, Step, TagMove, reversed_moves
from ..releases.reach import (
    BothSlots,
    Reach,
    Replacement,
    Side,
    beside,
    going_back,
    going_forward,
    gone_back,
    reach_of,
    replacement,
)
from ..releases.release import Release, ReleaseStatus, timestamp
from ..releases.replicas import counts_of
from ..releases.runtime import Container
from ..releases.slot import Place, day_of, planned_slot, stack_of
from ..rendering.runs import going_on
from ..stack.app_env import slot_env
from ..stack.model import App, Slot, Stack, start_order
from ..stack.replicas import units
from ..util.lazy import lazy_part
from . import endpoints_step, error_pages, flags, services, warm_slot, witnesses
from .confirmation import Confirmation
from .health import Health
from .release_jobs import ReleaseJobs
from .stopping import Stopping

if TYPE_CHECKING:
    from . import downgrades, migrations, old_release
    from .downgrades import Downgrades
    from .migrations import Migrations
else:
    downgrades = lazy_part(".downgrades", __package__)
    migrations = lazy_part(".migrations", __package__)
    old_release = lazy_part(".old_release", __package__)

RETRY_SECONDS = 0.3


class Rollout:
    """Carries out one plan on one host."""

    def __init__(self, host: Host, stack: Stack, plan: Plan, journal: Journal) -> None:
        self.host = host
        self.current = stack
        self.stack = stack_of(plan.release, stack)
        self.plan = plan
        self.journal = journal
        self.new = Side(
            self.stack,
            tuple(plan.release.in_slot),
            reach_of(self.stack, plan.release.in_slot, plan.environment, plan.slot, plan.replicas),
        )
        self.health = Health(host, self.stack, plan.environment, plan.slot, self._new_containers, plan.replicas)
        self.jobs = ReleaseJobs(host, stack, self.stack, plan, journal)
        self.confirmation = Confirmation(host, stack, self.stack, plan, self._new_containers)
        self.stopping = Stopping(host, plan, self._stack_in, self._tell, journal.note)
        #: What people should know, though the operation went well.
        self.notes: list[str] = []
        #: True once the release is live for good: from then on nothing is reverted.
        self.confirmed = False

    @functools.cached_property
    def old(self) -> Side | None:
        """The release that is live before, as it defines itself; if it is damaged, as the stack is today."""
        was = self.plan.was
        if was is None:
            return None
        entry = find(witnesses.entries(self.host, self.current.name), was.release)
        stack = day_of(entry.release, self.current) if entry else self.current
        apps = tuple(name for name in entry.release.in_slot if name in stack.apps) if entry else _all_in_slot(stack)
        known = {app: at for app, text in self.plan.reached.items() if app in apps and (at := Reach.parse(text))}
        return Side(stack, apps, {**reach_of(stack, apps, self.plan.environment, was.slot), **known})

    @functools.cached_property
    def migrations(self) -> Migrations | None:
        """None where no app of the release has any: then nothing of it is even loaded."""
        if not self.stack.migrations:
            return None
        return migrations.Migrations(self.host, self.current, self.stack, self.plan, self.journal, self.jobs.notes)

    @functools.cached_property
    def downgrades(self) -> Downgrades | None:
        """None where no database goes back."""
        if not self.plan.downs:
            return None
        return downgrades.Downgrades(self.host, self.current, self.plan, self.journal, self.jobs.notes)

    @functools.cached_property
    def how(self) -> Replacement:
        """Which apps cannot run beside those that they replace."""
        return replacement(self.new, self.old)

    # The whole rollout

    def run(self, env: Mapping[str, bytes]) -> None:
        """Bring the release live. Raises OperationError; the caller then calls `revert`."""
        plan, slot = self.plan, f"{self.plan.environment} {self.plan.slot}"
        with self.journal.step("record", f"write release {plan.release.id}"):
            self.record(env)
        if self.current.services or any(app.volumes for app in self._apps()):
            with self.journal.step("services", "start what the apps need beside them"):
                self.beside()
        if self.migrations and plan.is_new:
            self.migrate(self.migrations)
        if self.downgrades:
            self.downgrades.carry_out()
            if plan.stays:
                self.asked_again()
                return
        with self.journal.step("start", f"start {slot}"):
            self.start(env)
        with self.journal.step("healthy", "wait until every app is healthy"):
            self.healthy([app for app in self._apps() if app.name not in self.how.start_late])
            self._trust()
        self._run_hooks("before_switch", "run what is to be done before the switch")
        with self.journal.step("tags", "move the tags"):
            self.move_tags(plan.tags)
        with self.journal.step("routes", "update the routes of the edge"):
            self.set_routes(plan.release.id)
        if self._in_place():
            with self.journal.step("pause", "stop apps that must never run twice; their requests wait"):
                self.pause()
        with self.journal.step("switch", f"switch {plan.environment} to {plan.slot}"):
            self.host.router.set_live(plan.stack, plan.environment, plan.goal)
            self.switch_timers()
        if self._in_place():
            with self.journal.step("resume", "start them in the new release"):
                self.resume()
        self.confirm_and_finish()

    def confirm_and_finish(self) -> None:
        """Everything from the switch on. Recovery runs this too, when it finds traffic already switched."""
        plan = self.plan
        with self.journal.step("confirm", "confirm through the edge"):
            self.confirm()
        if endpoints_step.is_wanted(self.stack, plan):
            with self.journal.step("endpoints", "ask the endpoints"):
                self.hold()
        self.after_switch()
        if plan.watch_seconds:
            end = datetime.datetime.fromtimestamp(self.host.clock.now() + plan.watch_seconds, datetime.timezone.utc)
            until = end.astimezone().strftime("%H:%M:%S")
            with self.journal.step("watch", f"watch for {plan.watch_seconds} s, until {until}"):
                self.host.page.renew(plan.stack)
                self.health.watch(plan.watch_seconds)
                # Visitors come through the edge: what the apps answer themselves is not all.
                self.confirm()
        self.finish()

    def switch_timers(self) -> None:
        """Timers of jobs are of the release that is live."""
        self.jobs.switch_timers(self.old.stack if self.old else None)

    def after_switch(self) -> None:
        self._run_hooks("after_switch", "run what is to be done after the switch")

    def _run_hooks(self, when: Literal["before_switch", "after_switch"], text: str) -> None:
        if self.jobs.hooks(when):
            with self.journal.step(when, text):
                self.jobs.run_hooks(when)

    def finish(self) -> None:
        """Tidy up. Once the release is confirmed nothing is reverted any more."""
        self.confirmed = True
        with self.journal.step("statuses", "write the history"):
            self.write_statuses(self.plan.statuses)
        going = self.host.runs.going(self.plan.stack)
        self.notes += going_on([run for run in going if run.environment == self.plan.environment])
        if self.plan.was is None or self.plan.was.slot == self.plan.slot:
            return
        seconds = warm_slot.seconds(self.old.stack if self.old else self.current, self.plan)
        if seconds:
            with self.journal.step("warm", f"keep {self.plan.was.slot} running for {seconds} s"):
                trouble = warm_slot.keep(self.host, self.current, self.plan, seconds)
                if not self.plan.warm_seconds:
                    # The slot only finishes open requests. A worker has none, and must not work for a replaced release.
                    self.stopping.stop([c for c in self._containers(self.plan.was.slot) if not self._is_web(c)])
            if not trouble:
                return
            self.journal.note(f"not kept running: {trouble}")
        with self.journal.step("drain", f"drain {self.plan.was.slot}"):
            self.stopping.drain(self.plan.was.slot)
        with self.journal.step("stop", f"stop {self.plan.was.slot}, keep its containers"):
            self.host.store.set_warm(self.current, self.plan.environment, None)
            self.stopping.stop(self._containers(self.plan.was.slot))

    def revert(self) -> None:
        """Restore the state from before the plan. Every part can be repeated."""
        plan = self.plan
        with self.journal.step("back", "undo all changes"):
            self.jobs.stop_hooks()
            if self.migrations:
                self.migrations.settle()
            if self.downgrades:
                self.downgrades.settle()
            if plan.stays:
                return  # nothing else was changed
            if self.old:
                self._set_reach(going_back(self.new, self.old, self.how))
            if self._in_place():
                self.stopping.in_place([c for c in self._new_containers() if c.app in self.how.start_late], self.new)
            self._start_old(in_place=False)
            # Even if the file says so already: a kill may have come between the file and HAProxy's memory.
            self.host.router.set_live(plan.stack, plan.environment, plan.was)
            self.jobs.switch_timers_back(self.old.stack if self.old else None)
            # Both slots may share the port of these apps: started earlier, they would answer as the new release.
            if self._in_place():
                self.host.intake.admit(plan.stack, plan.environment)
            self._start_old(in_place=True)
            self._stop_holding()
            self.move_tags(self._possible(reversed_moves(plan.tags)))
            if plan.was:
                self.set_routes(plan.was.release)
            else:
                self._set_pages("")
            if plan.start != "running":
                # Let open requests finish. A request that the router holds for a dead app of the new release must be
                # over before another release starts on the same port, or the new release's name would be on its answer.
                self.stopping.drain(plan.slot)
                self.stopping.stop(self._new_containers())
            if plan.is_new:
                self.write_statuses({plan.release.id: plan.failed_status})
            self._tell_of_schemas()

    # Steps

    def asked_again(self) -> None:
        """The end for a release that stays live: whether it is well on the schema that it has again."""
        self.confirmed = True
        with self.journal.step("old_release", "ask the live release on its schema"):
            if self.old:
                found = old_release.afterwards(self.host, self.current, self.plan, self.old, self.journal)
                self.jobs.notes += found

    def _tell_of_schemas(self) -> None:
        """The release that goes on, where a schema is not what it was: whatever else was undone, that was not."""
        if self.downgrades:
            self.jobs.notes += self.downgrades.left()
        elif self.migrations and self.old and self.migrations.keeps():
            self.jobs.notes += old_release.afterwards(self.host, self.current, self.plan, self.old, self.journal)

    def record(self, env: Mapping[str, bytes]) -> None:
        if self.plan.is_new:
            routes = self.host.edge.wanted(self.current, self.plan.environment)
            pages = error_pages.contents(self.host, self.current, self.plan.release)
            self.host.store.write_release(self.current, self.plan.release, env, routes, pages)

    def beside(self) -> None:
        """Before the apps: the volumes that they mount, and services that do not run."""
        mounted = [volume for app in self._apps() for volume in app.volumes]
        services.provide_volumes(self.host, self.stack, self.plan.environment, mounted)
        services.Services(self.host, self.current, self.plan.environment, self.journal).start_missing()

    def migrate(self, mine: Migrations) -> None:
        """Bring the databases to what the release wants, while the old one serves. Then that one is asked again."""
        if not mine.carry_out() or self.old is None:
            return
        with self.journal.step("old_release", "ask the live release on the new schema"):
            self.notes += old_release.told(self.host, self.current, self.plan, self.old, self.journal)

    def set_routes(self, release: str) -> None:
        """Give the edge the routes of a release. If they have not changed, as is usual, nginx is left alone."""
        routes = self.host.store.release_routes(self.current, release)
        if routes is not None:
            self.host.edge.set_live(self.current, self.plan.environment, routes)
        self._set_pages(release)

    def _set_pages(self, release: str) -> None:
        """The error pages go with the routes. Where neither release has any, nothing is asked."""
        if self.plan.release.pages or (self.old and self.old.stack.error_pages):
            self.host.edge.set_pages(self.current, self.plan.environment, release)

    def start(self, env: Mapping[str, bytes]) -> None:
        """Bring up all apps of the slot, in groups that follow the `after` of each app."""
        plan = self.plan
        names = {app.name for app in self._apps() if app.name not in self.how.start_late}
        self.both_run()
        flags.apply(
            self.host, self.current, plan.environment, [*([self.old.stack] if self.old else []), self.new.stack]
        )
        if plan.start == "create" or self.stack.jobs_in(plan.environment):
            # Jobs get their values from here, also where the apps' containers are kept ones.
            self._write_slot(plan.release, plan.slot, env, plan.replicas)
        if plan.start == "running":
            return
        self._bring_up_in_order(names)

    def _set_reach(self, both: BothSlots) -> None:
        plan = self.plan
        slots = {plan.was.slot: both.old} if plan.was else {}
        self.host.router.set_reach(plan.stack, plan.environment, {**slots, plan.slot: both.new})

    def both_run(self) -> None:
        """Tell the router how the apps of both releases are reached."""
        self._set_reach(beside(self.new, self.old) if self.old else BothSlots(dict(self.new.reach), {}))

    def pause(self) -> None:
        """Stop what the new release's apps replace. From before that on, their requests are for what comes."""
        if self.old:
            self._set_reach(going_forward(self.new, self.old, self.how))
            self.stopping.in_place(self._old_in_place(), self.old)

    def _bring_up_in_order(self, names: set[str]) -> None:
        """Bring up group after group; the last one is not waited for here."""
        groups = [[name for name in group if name in names] for group in start_order(self.stack.apps)]
        groups = [group for group in groups if group]
        for index, group in enumerate(groups):
            self._bring_up(group)
            if index + 1 < len(groups):
                self.healthy([self.stack.apps[name] for name in group])

    def healthy(self, apps: list[App]) -> None:
        """Wait until each app is healthy, each within its own deadline; fail at once if one crash-loops."""
        self.health.wait(apps, self.journal)

    def run_again(self) -> None:
        """For recovery: make sure that every app of the new release runs and is healthy."""
        in_place = {app.name for app in self._in_place()}
        stopped = [c for c in self._new_containers() if c.state != "running" and c.app not in in_place]
        self.host.docker.start(stopped)
        if self._in_place():
            self.pause()
            self.resume()
        self.healthy(self._apps())

    def resume(self) -> None:
        """Start the apps that must never run twice, now that their old containers are stopped."""
        self.host.intake.admit(self.plan.stack, self.plan.environment)
        self._bring_up_in_order({app.name for app in self._in_place()})
        self.healthy(self._in_place())
        self.both_run()

    def _possible(self, tags: tuple[TagMove, ...]) -> tuple[TagMove, ...]:
        """On revert an image may be missing; drop its tag rather than leave it on the wrong image."""
        return tuple(
            dataclasses.replace(move, image="") if move.image and self.host.docker.image(move.image) is None else move
            for move in tags
        )

    def move_tags(self, tags: tuple[TagMove, ...]) -> None:
        for move in tags:
            if move.image:
                self.host.docker.tag(move.image, move.repository, move.tag)
            else:
                self.host.docker.untag(f"{move.repository}:{move.tag}")

    def confirm(self) -> None:
        """Every route, on every public port, must be answered by this release."""
        self.confirmation.wait()

    def hold(self) -> None:
        """What this release promises to the outside must hold."""
        if endpoints_step.is_wanted(self.stack, self.plan):
            self.notes += endpoints_step.hold(self.host, self.stack, self.current, self.plan, self.journal)

    @property
    def last_check(self) -> Step:
        """The step after which the release is known to be good."""
        if self.plan.watch_seconds:
            return "watch"
        return "endpoints" if endpoints_step.is_wanted(self.stack, self.plan) else "confirm"

    def write_statuses(self, statuses: Mapping[str, ReleaseStatus]) -> None:
        moment = timestamp(datetime.datetime.fromtimestamp(self.host.clock.now(), datetime.timezone.utc))
        name = os.path.basename(self.journal.path or "")
        known = {entry.release.id: entry for entry in self.host.store.releases(self.current.name)}
        for release, status in statuses.items():
            if release in known and known[release].status != status:
                changed = dataclasses.replace(
                    known[release], status=status, since=moment, via=self.plan.via, journal=name
                )
                self.host.store.set_status(self.current, changed)

    def _tell(self, text: str) -> None:
        self.journal.note(text)
        self.notes.append(text)

    def _trust(self) -> None:
        """Have the router use all replicas from the switch on. Its own checks would find them one after the other."""
        many = {name: count for name, count in self.plan.replicas.items() if name in self.new.reach}
        if many:
            self.host.router.trust_replicas(self.plan.stack, self.plan.environment, self.plan.slot, many)

    # Parts

    def _apps(self) -> list[App]:
        return [self.stack.apps[name] for name in self.plan.release.in_slot]

    def _in_place(self) -> list[App]:
        return [app for app in self._apps() if app.name in self.how.start_late]

    def _stack_in(self, slot: Slot) -> Stack:
        """The stack as the release in a slot defines it."""
        return self.old.stack if self.old and slot != self.plan.slot else self.stack

    def _containers(self, slot: Slot) -> list[Container]:
        return self.host.docker.containers(self.plan.stack, self.plan.environment, slot)

    def _new_containers(self) -> list[Container]:
        return [c for c in self._containers(self.plan.slot) if c.release == self.plan.release.id]

    def _old_containers(self) -> list[Container]:
        was = self.plan.was
        return [c for c in self._containers(was.slot) if c.release == was.release] if was else []

    def _old_in_place(self) -> list[Container]:
        return [container for container in self._old_containers() if container.app in self.how.stop_early]

    def _is_web(self, container: Container) -> bool:
        return self.old is not None and container.app in self.old.reach

    def _write_slot(self, release: Release, slot: Slot, env: Mapping[str, bytes], counts: Mapping[str, int]) -> None:
        """Write the files that a slot is created from."""
        store, environment = self.host.store, self.plan.environment
        home = os.path.dirname(store.slot_compose_path(self.current, environment, slot))
        block = store.networks().get(self.current.name, {}).get(environment, "")
        compose = planned_slot(
            self.current, release, Place(slot, home, counts), env, store.key_fingerprints(self.current)
        )
        compose |= slot_network(self.current, environment, slot, block)
        files = slot_env(stack_of(release, self.current), environment, env)
        store.write_slot(self.current, environment, slot, compose, files)

    def _bring_up(self, names: list[str]) -> None:
        """Start these apps of the new release: kept containers, or new ones from the slot's Compose file."""
        if self.plan.start == "create":
            path = self.host.store.slot_compose_path(self.current, self.plan.environment, self.plan.slot)
            wanted = [name for app in names for name in units(app, self.plan.replicas.get(app, 1))]
            self.host.docker.create_and_start(path, self.current.directory, wanted)
        else:
            self.host.docker.start([c for c in self._new_containers() if c.app in names and c.state != "running"])

    def _start_old(self, *, in_place: bool) -> None:
        """Start the old release before traffic returns to it. Recreates missing containers if their image exists."""
        early = self.how.stop_early
        old = [container for container in self._old_containers() if (container.app in early) == in_place]
        self.host.docker.start([container for container in old if container.state != "running"])
        was, side = self.plan.was, self.old
        entry = find(self.host.store.releases(self.current.name), was.release) if was else None
        if was is None or side is None or entry is None:
            return
        store = self.host.store
        many = counts_of(store.slot_compose(self.plan.stack, self.plan.environment, was.slot), was.release)
        there = {container.unit for container in old}
        gone = [
            (name, unit)
            for name in entry.release.in_slot
            if (name in early) == in_place and self.host.docker.image(entry.release.images[name]) is not None
            for unit in units(name, many.get(name, self._reached(name)))
            if unit not in there
        ]
        if gone:
            if store.slot_release(self.plan.stack, self.plan.environment, was.slot) != was.release:
                # Its file is damaged; the release knows what it was made from.
                again = {name: self._reached(name) for name in side.reach}
                self._write_slot(entry.release, was.slot, store.release_env(self.current, was.release), again)
            path = store.slot_compose_path(self.current, self.plan.environment, was.slot)
            self.host.docker.create_and_start(path, self.current.directory, [unit for _name, unit in gone])
            self._answering([side.stack.apps[name] for name in dict.fromkeys(name for name, _unit in gone)], side)

    def _reached(self, name: str) -> int:
        """How many containers the router knew of an app of the old release."""
        at = Reach.parse(self.plan.reached.get(name, ""))
        return at.replicas if at else 1

    def _stop_holding(self) -> None:
        """Requests for apps that the old release itself does not hold waited only until these run again."""
        if self.old is None:
            return
        held = [name for name in self.how.stop_early if name in self.old.reach and not self.old.reach[name].held]
        if held:
            self._answering([self.old.stack.apps[name] for name in sorted(held)], self.old)
            self._set_reach(gone_back(self.new, self.old, self.how))

    def _answering(self, apps: list[App], side: Side) -> None:
        """Give these apps their usual start time. If one does not answer, revert anyway: the release that is
        live instead has failed."""
        begun = self.host.clock.monotonic()
        for app in apps:
            port = side.reach[app.name].port if app.name in side.reach else 0
            name = side.stack.health_host(app, self.plan.environment)
            while port and self.host.clock.monotonic() - begun < app.health_seconds:
                if app.accepts(self.host.probe.health(port, app.health, name).status):
                    break
                self.host.clock.wait(RETRY_SECONDS)


def _all_in_slot(stack: Stack) -> tuple[str, ...]:
    return tuple(app.name for app in stack.apps.values() if not app.is_job)
