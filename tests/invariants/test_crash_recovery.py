# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation is killed, or made to fail, at every change it makes. Whatever comes next finds its way."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fakes.docker import BREAKING, BREAKING_IN_PRODUCTION, DYING, HEALTHY, SICK
from fakes.faults import counted_journal
from fakes.stacks import (
    REDIS,
    changed_stack,
    host_with_addresses,
    host_with_backups,
    host_with_clusters,
    host_with_services,
    renamed,
    shop_definition,
    shop_with_backups,
    shop_with_endpoints,
    shop_with_jobs,
    shop_with_migrations,
    shop_with_processes,
    shop_with_replicas,
    shop_with_schema,
    shop_with_services,
)
from fakes.world import Kept, World, again, kept
from invariants.invariants import check_always, check_settled
from support.profiles import FAST, ONE_IN, RARELY, STRIDE, WHOLE_WAY

from release.errors import OperationError, RefusedError
from release.operations.change_scale import ScaleReport
from release.stack.reader import read_stack

pytestmark = pytest.mark.usefixtures("one_by_one")


OTHER = "redis@sha256:" + "c" * 64
#: How the names of cases end whose stack never runs some of its apps twice.
IN_PLACE = ", in place"


@dataclass(frozen=True)
class Case:
    """One operation on a host prepared for it."""

    name: str
    operation: str
    prepare: Callable[[World], Any]
    options: tuple[tuple[str, Any], ...] = ()
    in_place: bool = False
    with_services: bool = False
    with_processes: bool = False
    with_replicas: bool = False
    with_jobs: bool = False
    with_endpoints: bool = False
    with_migrations: bool = False
    with_backups: bool = False
    with_schema: bool = False

    @property
    def stem(self) -> str:
        """Its name without the way that it goes."""
        return self.name.removesuffix(IN_PLACE)

    @property
    def definition(self) -> dict[str, Any]:
        if self.with_services:
            return shop_with_services()
        if self.with_replicas:
            return shop_with_replicas()
        if self.with_jobs:
            return shop_with_jobs(self.in_place)
        if self.with_migrations or self.with_backups:
            return (shop_with_backups if self.with_backups else shop_with_migrations)(self.in_place)
        if self.with_endpoints or self.with_schema:
            return (shop_with_endpoints if self.with_endpoints else shop_with_schema)(self.in_place)
        return (shop_with_processes if self.with_processes else shop_definition)(self.in_place)

    def run(self, world: World) -> Any:
        if self.operation == "scale":
            return world.scale(**dict(self.options))
        if self.operation == "services":
            return world.change_services("production")
        if self.operation == "maintenance":
            try:
                return world.maintain(**dict(self.options))
            except RefusedError as refused:
                return refused  # what it was to end has ended already
        options = dict(self.options)
        if options.get("release") == "the live one":
            options["release"] = world.router.files["production"].partition("/")[2]
        return world.run(self.operation, **options)


def nothing(world: World) -> None:
    """A host as provisioned."""


def staged(world: World) -> None:
    world.good("deploy")


def shipped(world: World) -> None:
    world.ship()


def shipped_and_staged(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY, "mail": HEALTHY})
    world.good("deploy")


def shipped_twice(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)


def shipped_thrice(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY, front=HEALTHY)
    world.ship(mail=HEALTHY)


def shipped_thrice_warm(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY, front=HEALTHY)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)


def shipped_thrice_pruned(world: World) -> None:
    """The kept containers are gone, the images are not: all apps but one are the same."""
    shipped_thrice(world)
    world.docker.boxes = [box for box in world.docker.boxes if box.up]


def shipped_thrice_secret(world: World) -> None:
    shipped_thrice(world)
    world.rotate_secret()


def new_commit(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})


def new_routes(world: World) -> None:
    world.ship()
    world.stack = changed_stack(world, front={"routes": [{"path": "/front"}, {"path": "/shop"}]})
    world.commit({"front": HEALTHY})


def new_routes_staged(world: World) -> None:
    new_routes(world)
    world.good("deploy")


def sick_commit(world: World) -> None:
    world.ship()
    world.commit({"api": SICK})


def dying_staged(world: World) -> None:
    world.ship()
    world.commit({"front": DYING})
    world.good("deploy")
    world.freshen()


def reached_otherwise(world: World) -> None:
    """The inventory has moved, renamed and changed everything by which the live release is reached."""
    world.ship()
    world.ship(api=HEALTHY)
    in_place = world.stack.apps["front"].is_replaced_in_place
    world.stack = renamed(world, "front", "shop-front")
    # Apps that can run twice may even exchange their ports. The other one keeps its, under another name.
    world.stack = changed_stack(
        world,
        api={"loopback_port": 22000 if in_place else 21010},
        mail={"replace": "start_first" if in_place else "stop_first"},
        **{"shop-front": {"loopback_port": 21010 if in_place else 21000}},
    )
    world.commit({"api": HEALTHY, "shop-front": HEALTHY})


def reached_otherwise_staged(world: World) -> None:
    reached_otherwise(world)
    world.good("deploy")


def reached_otherwise_shipped(world: World) -> None:
    reached_otherwise_staged(world)
    world.clock.time += 2
    world.good("promote")


def replaced_otherwise(world: World) -> None:
    """Apps that could run twice never may from now on, or the reverse; their ports stay."""
    world.ship()
    world.ship(api=HEALTHY)
    wanted = "start_first" if world.stack.apps["front"].is_replaced_in_place else "stop_first"
    world.stack = changed_stack(world, api={"replace": wanted}, front={"replace": wanted})
    world.commit({"api": HEALTHY, "front": HEALTHY})


def replaced_otherwise_staged(world: World) -> None:
    replaced_otherwise(world)
    world.good("deploy")


def replaced_otherwise_shipped(world: World) -> None:
    replaced_otherwise_staged(world)
    world.clock.time += 2
    world.good("promote")


def rolled_back(world: World) -> None:
    shipped_thrice(world)
    world.good("rollback")


def services_shipped(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)


def services_changed(world: World) -> None:
    """Another image for one, another setting for the next, a third is new, and the first is needed by both."""
    services_shipped(world)
    new = {"image": REDIS, "health": {"port": 11211}, "after": ["redis"], "health_seconds": 5}
    changed = shop_with_services(cache=new)
    changed["services"]["redis"]["image"] = OTHER
    changed["services"]["search"]["memory"] = "64m"
    world.stack = read_stack("shop", changed)
    world.docker.registry.add(OTHER)


def services_sick(world: World) -> None:
    services_changed(world)
    world.docker.sick_services = {OTHER}


def service_to_build(world: World) -> None:
    built = {"context": "tools", "health": {"port": 9}, "health_seconds": 5}
    world.stack = read_stack("shop", shop_with_services(tools=built))
    world.commit({"tools": HEALTHY})


def service_built_again(world: World) -> None:
    """Staging runs what production is about to."""
    service_to_build(world)
    world.ship()
    world.ship(api=HEALTHY)
    world.commit({"tools": HEALTHY})
    world.change_services("staging")


def service_removed(world: World) -> None:
    services_shipped(world)
    changed = shop_with_services()
    del changed["services"]["search"]
    world.stack = read_stack("shop", changed)


def services_staged(world: World) -> None:
    world.good("deploy")


def two_images(world: World) -> None:
    """Live are two images of what is one from now on."""
    one = world.stack
    in_place = one.apps["front"].is_replaced_in_place
    world.stack = read_stack("shop", shop_with_processes(in_place, image_of=None, context="jobs"))
    world.ship()
    world.commit({"api": HEALTHY, "jobs": HEALTHY})
    world.stack = one


def two_images_staged(world: World) -> None:
    two_images(world)
    world.good("deploy")


def two_images_shipped(world: World) -> None:
    two_images_staged(world)
    world.clock.time += 2
    world.good("promote")


def scaled(world: World) -> None:
    """Somebody has asked for more than the stack has, and for fewer of another."""
    world.ship()
    for app, number in (("api", 3), ("mail", 1)):
        report = world.scale(app, number)
        assert isinstance(report, ScaleReport) and report.changed, report


def scaled_and_staged(world: World) -> None:
    scaled(world)
    world.commit({"api": HEALTHY, "mail": HEALTHY})
    world.good("deploy")


def scaled_twice(world: World) -> None:
    """Of the release to go back to, other containers are kept than there are to be."""
    world.ship()
    world.ship(api=HEALTHY)
    world.scale("api", 4)
    world.scale("mail", 1)


def several(name: str, operation: str, prepare: Callable[[World], Any], **options: Any) -> Case:
    """A stack with several containers of its apps."""
    return Case(name, operation, prepare, tuple(options.items()), with_replicas=True)


def processes(name: str, operation: str, prepare: Callable[[World], Any], **options: Any) -> list[Case]:
    """A stack with several apps of one image, which never run twice in the second case."""
    first, second = both(name, operation, prepare, **options)
    return [dataclasses.replace(first, with_processes=True), dataclasses.replace(second, with_processes=True)]


def jobs(name: str, operation: str, prepare: Callable[[World], Any], **options: Any) -> list[Case]:
    """A stack with jobs, timers of theirs, and hooks, which never runs some of its apps twice in the second case."""
    return [dataclasses.replace(case, with_jobs=True) for case in both(name, operation, prepare, **options)]


def other_schedules(world: World) -> None:
    world.ship()
    world.stack = changed_stack(world, digest={"schedule": "daily UTC"}, report={"schedule": ""})
    world.commit({"api": HEALTHY})


def other_schedules_staged(world: World) -> None:
    other_schedules(world)
    world.good("deploy")


def other_schedules_shipped(world: World) -> None:
    other_schedules_staged(world)
    world.clock.time += 2
    world.good("promote")


def hook_fails(world: World) -> None:
    world.ship()
    world.one_off.ends["smoke"] = (1.0, 1)
    world.commit({"api": HEALTHY})


def beside(name: str, operation: str, prepare: Callable[[World], Any]) -> Case:
    """A stack with services and volumes."""
    return Case(name, operation, prepare, with_services=True)


def breaking_commit(world: World) -> None:
    """It is healthy, and visitors do not get what they were promised."""
    world.ship()
    world.commit({"api": BREAKING})


def breaking_staged(world: World) -> None:
    """As before, where production's data is: staging could not show it."""
    world.ship()
    world.commit({"front": BREAKING_IN_PRODUCTION})
    world.good("deploy")


def promising(name: str, operation: str, prepare: Callable[[World], Any], **options: Any) -> list[Case]:
    """A stack with endpoints, which never runs some of its apps twice in the second case."""
    return [dataclasses.replace(case, with_endpoints=True) for case in both(name, operation, prepare, **options)]


def newer_schema(world: World) -> None:
    world.ship()
    world.databases.newest = "0002"
    world.commit({"api": HEALTHY})


def newer_schema_staged(world: World) -> None:
    newer_schema(world)
    world.good("deploy")


def newer_schema_shipped(world: World) -> None:
    newer_schema_staged(world)
    world.clock.time += 2
    world.good("promote")


def migration_fails(world: World) -> None:
    newer_schema_staged(world)
    world.databases.fails = {"0002": ("0001-half", ["ERROR: no such column"])}


def migration_locked(world: World) -> None:
    newer_schema(world)
    world.databases.locked = 1


def archive_away(world: World) -> None:
    newer_schema_staged(world)
    world.backups.away_since = world.clock.now()


def contract_shipped(world: World) -> None:
    world.ship()
    world.databases.contracts = {"0002"}
    # What goes before does not work with it, and would not be well until it is taken back.
    world.databases.breaking = {"0002"}
    newer_schema(world)
    world.good("deploy")
    world.clock.time += 2
    world.good("promote", skip_gates=("migration_safe",))


def cannot_go_back(world: World) -> None:
    contract_shipped(world)
    world.databases.stuck = {"0002"}


def stuck_release(world: World) -> str:
    """Its promote failed, and left its schema under the one that is live."""
    world.ship()
    world.databases.contracts = {"0002"}
    newer_schema(world)
    world.good("deploy")
    world.clock.time += 2
    image = world.entries("staging")[0].release.images["api"]
    world.docker.images[image] = (world.docker.images[image][0], SICK)
    world.run("promote", skip_gates=("staging_healthy", "migration_safe"))
    world.docker.images[image] = (world.docker.images[image][0], HEALTHY)
    return world.router.files["production"].partition("/")[2]


def going_down(name: str, prepare: Callable[[World], Any], **options: Any) -> list[Case]:
    """A rollback that takes the schema back."""
    more = {"database": "downgrade", "confirm": "production", **options}
    return [dataclasses.replace(case, with_schema=True) for case in both(name, "rollback", prepare, **more)]


def migrating(name: str, operation: str, prepare: Callable[[World], Any], **options: Any) -> list[Case]:
    """A stack with a database, which never runs some of its apps twice in the second case."""
    return [dataclasses.replace(case, with_migrations=True) for case in both(name, operation, prepare, **options)]


def both(name: str, operation: str, prepare: Callable[[World], Any], **options: Any) -> list[Case]:
    """The same for a stack that never runs some of its apps twice."""
    wanted = tuple(options.items())
    return [
        Case(name, operation, prepare, wanted),
        Case(f"{name}{IN_PLACE}", operation, prepare, wanted, in_place=True),
    ]


def closed(world: World) -> None:
    """Production is in maintenance, and so is a part of it."""
    world.ship()
    world.maintain("on")
    world.maintain("on", app="front", until="2h", allow=("10.0.0.0/8",))


def closed_and_staged(world: World) -> None:
    closed(world)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.clock.time += 2


def paged(world: World) -> None:
    """A stack with error pages, of which the source has others now."""
    world.stack = read_stack("shop", {**shop_definition(), "error_pages": {404: "pages/404.html"}})
    write_page(world, "old")
    world.ship()
    write_page(world, "new")


def write_page(world: World, text: str) -> None:
    world.git.commits[world.commit({})]["pages/404.html"] = text


def paged_and_staged(world: World) -> None:
    paged(world)
    world.good("deploy")
    world.clock.time += 2


def paged_and_shipped(world: World) -> None:
    paged_and_staged(world)
    world.good("promote")
    world.clock.time += 2


def maintained(name: str, state: str, prepare: Callable[[World], Any], **wish: Any) -> Case:
    return Case(name, "maintenance", prepare, tuple({"state": state, **wish}.items()))


CASES = [
    *both("first deploy", "deploy", nothing),
    *both("second deploy", "deploy", new_commit),
    *both("deploy of some apps", "deploy", new_commit, apps=("api",)),
    *both("deploy that stays sick", "deploy", sick_commit),
    *both("deploy with new routes", "deploy", new_routes),
    *both("deploy kept warm", "deploy", new_commit, warm_seconds=600),
    *both("first promote", "promote", staged),
    *both("second promote", "promote", shipped_and_staged),
    *both("promote of some apps", "promote", shipped_and_staged, apps=("mail",)),
    *both("promote that watches", "promote", shipped_and_staged, watch_seconds=10),
    *both("promote of what dies", "promote", dying_staged, watch_seconds=10, skip_gates=("staging_healthy",)),
    *both("promote with new routes", "promote", new_routes_staged),
    *both("promote kept warm", "promote", shipped_and_staged, warm_seconds=600),
    *both("promote after a rollback", "promote", rolled_back),
    *both("rollback to kept containers", "rollback", shipped_thrice),
    *both("warm rollback", "rollback", shipped_thrice_warm),
    *both("rollback without containers", "rollback", shipped_thrice_pruned),
    *both("rollback with a new secret", "rollback", shipped_thrice_secret),
    *both("rollback with old secrets", "rollback", shipped_thrice_secret, secrets="release"),
    *both("deploy by other ways", "deploy", reached_otherwise),
    *both("promote by other ways", "promote", reached_otherwise_staged),
    *both("rollback to other ways", "rollback", reached_otherwise_shipped),
    *both("deploy of apps replaced otherwise", "deploy", replaced_otherwise),
    *both("promote of apps replaced otherwise", "promote", replaced_otherwise_staged),
    *both("rollback of apps replaced otherwise", "rollback", replaced_otherwise_shipped),
    beside("first deploy with services", "deploy", nothing),
    beside("first promote with services", "promote", services_staged),
    beside("services changed", "services", services_changed),
    beside("services that stay sick", "services", services_sick),
    beside("first deploy with a service to build", "deploy", service_to_build),
    beside("service built again", "services", service_built_again),
    beside("service removed", "services", service_removed),
    several("first deploy of replicas", "deploy", nothing),
    several("second promote of replicas", "promote", shipped_and_staged),
    several("promote of what was scaled", "promote", scaled_and_staged),
    several("promote of replicas kept warm", "promote", scaled_and_staged, warm_seconds=600),
    several("rollback to replicas", "rollback", shipped_twice),
    several("rollback after scaling", "rollback", scaled_twice),
    several("replicas that stay sick", "deploy", sick_commit),
    several("more replicas", "scale", shipped, app="api", replicas=4),
    several("fewer replicas", "scale", scaled, app="api", replicas=2),
    several("one replica", "scale", shipped, app="api", replicas=1),
    several("more of a worker", "scale", scaled, app="mail", replicas=3),
    several("fewer of a worker", "scale", shipped, app="mail", replicas=1),
    several("the stack's own number", "scale", scaled, app="api", replicas="default"),
    *both("rollback of some apps", "rollback", shipped_thrice, apps=("mail",)),
    *promising("promote that keeps its promises", "promote", shipped_and_staged),
    *promising("promote that watches over its promises", "promote", shipped_and_staged, watch_seconds=10),
    *promising("promote that breaks a promise", "promote", breaking_staged),
    *promising("deploy that breaks a promise", "deploy", breaking_commit),
    *promising("rollback with promises", "rollback", shipped_thrice),
    *processes("deploy of an app of another's image", "deploy", new_commit, apps=("jobs",)),
    *processes("promote of an app of another's image", "promote", shipped_and_staged, apps=("jobs",)),
    *processes("rollback of an app of another's image", "rollback", shipped_twice, apps=("jobs",)),
    *processes("deploy of one image in place of two", "deploy", two_images),
    *processes("promote of one image in place of two", "promote", two_images_staged),
    *processes("rollback to two images in place of one", "rollback", two_images_shipped),
    *jobs("first deploy with jobs", "deploy", nothing),
    *jobs("deploy with other schedules", "deploy", other_schedules),
    *jobs("promote with other schedules", "promote", other_schedules_staged, watch_seconds=10),
    *jobs("rollback to other schedules", "rollback", other_schedules_shipped),
    *jobs("deploy whose hook fails", "deploy", hook_fails),
    Case("promote with a restore point", "promote", newer_schema_staged, with_backups=True),
    Case("promote whose archive is away", "promote", archive_away, with_backups=True),
    *migrating("first deploy with migrations", "deploy", nothing),
    *migrating("promote with a migration", "promote", newer_schema_staged, watch_seconds=10),
    *migrating("promote whose migration fails", "promote", migration_fails),
    *migrating("deploy whose migration waits for a lock", "deploy", migration_locked),
    *migrating("rollback to another schema", "rollback", newer_schema_shipped),
    *going_down("rollback that takes the schema back", contract_shipped, watch_seconds=10),
    *going_down("rollback whose schema cannot be taken back", cannot_go_back),
    *going_down("schema taken back under the live release", stuck_release, release="the live one"),
    maintained("maintenance begun", "on", shipped),
    maintained("maintenance of a part begun", "on", closed, app="api", allow=("10.1.0.0/16",)),
    maintained("maintenance of a part ended", "off", closed, app="front"),
    maintained("maintenance ended", "off", closed),
    Case("promote in maintenance", "promote", closed_and_staged),
    Case("deploy with other error pages", "deploy", paged),
    Case("promote with other error pages", "promote", paged_and_staged),
    Case("rollback to other error pages", "rollback", paged_and_shipped),
]


#: They are no releases: what they return is no report of one.
CHANGES = [case for case in CASES if case.operation in ("services", "maintenance", "scale")]


def one_of_both(cases: list[Case]) -> list[Case]:
    """For whoever waits: where an operation goes in both ways, now the one and now the other."""
    stems = list(dict.fromkeys(case.stem for case in CASES))
    paired = {case.stem for case in CASES if case.in_place}
    return [case for case in cases if case.stem not in paired or stems.index(case.stem) % 2 == case.in_place]


@functools.cache
def prepared(case: Case) -> Kept:
    """The host at the moment before the operation."""
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        world = World(directory, case.definition)
        if case.with_services:
            host_with_services(world)
        if case.with_migrations:
            host_with_addresses(world)
        if case.with_backups:
            host_with_backups(world)
        if case.with_schema:
            host_with_clusters(world)
        case.prepare(world)
        check_settled(world)
        return kept(world)


@contextlib.contextmanager
def world_of(case: Case) -> Iterator[World]:
    """A copy of it."""
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        world = again(prepared(case), directory)
        yield world
        # Its parts know it, and it them: so it is gone at once, not when the garbage collector has found all of it.
        vars(world).clear()


@functools.cache
def length(case: Case) -> int:
    """How many changes the operation makes when nothing happens to it, each line of the journal counted."""
    with world_of(case) as world:
        with counted_journal(world):
            case.run(world)
        check_settled(world)
        return world.faults.count


def finish(world: World, how: str) -> None:
    """What comes after the fault."""
    if how in ("promote", "rollback"):
        report = world.run(how)
        # Each takes up what production needs; a deploy is left to staging's next operation or to the promote.
        assert report is not None and not world.unfinished("production"), report
    elif how == "reboot":
        world.reboot()
    world.recover()


def check_afterwards(world: World, number: int) -> None:
    """Whatever was found is settled, and the whole way can be gone again: deploy, promote, back, and no further."""
    check_settled(world)
    if number % WHOLE_WAY:
        return
    world.clock.time += 5
    world.one_off.ends.clear()
    world.databases.fails.clear()
    world.databases.locked = 0
    world.backups.away_since = 0.0
    world.databases.stuck.clear()
    # What comes next is made for what is applied then, and takes nothing away.
    world.databases.breaking.clear()
    world.databases.contracts.clear()
    world.databases.newest = f"{int(world.databases.newest) + 1:04}"
    world.commit(dict.fromkeys(world.stack.apps, HEALTHY))
    world.good("deploy")
    world.good("promote")
    before = world.router.files["production"]
    world.ship()
    report = world.good("rollback")
    assert report.release == before.partition("/")[2], (report, before)
    live = dict(world.router.files)
    again = world.good("rollback")
    assert not again.changed and world.router.files == live
    check_settled(world)


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Says with every failure which fault it came after."""
    try:
        yield
    except BaseException as error:
        error.add_note(where)
        raise


def places(case: Case, step: int) -> range:
    """Which of its changes an operation is ended at, `step` apart. Neighbouring cases have different ones."""
    return range(1 + CASES.index(case) // 2 % min(step, length(case)), length(case) + 1, step)


def each(cases: list[Case]) -> pytest.MarkDecorator:
    """The scope has all tests of a case run one after the other, so that it is prepared once in each process."""
    tried = one_of_both(cases) if ONE_IN > 1 else cases
    return pytest.mark.parametrize("case", tried, ids=lambda case: case.name, scope="module")


@each(CASES)
def test_killed_anywhere(case: Case) -> None:
    for number in places(case, STRIDE):
        how = ("recover", "promote", "rollback", "reboot")[(number + number // 4) % 4]
        with world_of(case) as world, told(f"{case.name}, killed at {number}, then {how}"):
            world.faults.kill_at(number)
            with counted_journal(world):
                assert case.run(world) is None
            with told(f"at {world.faults.calls[-1]}"):
                check_always(world)
                world.revive()
                finish(world, how)
                check_afterwards(world, number + CASES.index(case))


@each(CASES)
def test_killed_again_while_recovering(case: Case) -> None:
    """The second kill comes at a step that moves through the recovery as the first moves through the operation."""
    for number in places(case, RARELY):
        second = 1 + number % 11
        with world_of(case) as world, told(f"{case.name}, killed at {number}, and at {second} of the recovery"):
            with counted_journal(world):
                world.faults.kill_at(number)
                case.run(world)
                world.revive()
                world.faults.kill_at(second)
                case.run(world)
            with told(f"at {world.faults.calls[-1:]}"):
                check_always(world)
                world.revive()
                finish(world, "reboot" if number % 2 else "recover")
                check_afterwards(world, number + CASES.index(case))


@pytest.mark.parametrize("fault", ["docker", "disk", "docker for good", "disk for good"])
@each(CHANGES)
def test_a_change_fails_anywhere(case: Case, fault: str) -> None:
    disk, lasting, number = fault.startswith("disk"), fault.endswith("for good"), 1
    while True:
        with world_of(case) as world, told(f"{case.name}, {fault} failed at {number}"):
            world.faults.fail_at(number, lasting=lasting, disk=disk, after=number % 5 == 4)
            error = case.run(world)
            if world.faults.count < number:
                return
            with told(f"at {world.faults.calls[number - 1]}"):
                assert isinstance(error, OperationError), error
                world.revive()
                finish(world, ("recover", "promote", "rollback")[number % 3])
                check_afterwards(world, number + CASES.index(case))
        number += 1


@pytest.mark.parametrize("fault", ["docker", "disk", "docker for good", "disk for good"])
@each([case for case in CASES if case not in CHANGES])
def test_fails_anywhere(case: Case, fault: str) -> None:
    disk, lasting = fault.startswith("disk"), fault.endswith("for good")
    step = STRIDE if fault == "docker" else RARELY
    number = places(case, step).start
    while True:
        with world_of(case) as world, told(f"{case.name}, {fault} failed at {number}"):
            before = dict(world.router.does)
            world.faults.fail_at(number, lasting=lasting, disk=disk, after=number % 5 == 4)
            report = case.run(world)
            if world.faults.count < number:
                return
            struck = world.faults.calls[number - 1]
            with told(f"at {struck}"):
                assert report is not None
                # Without its timer a slot is not kept warm, and that is all.
                only_cold = struck.startswith("timer") and not lasting and not disk
                # Nor is what fails while a schema goes back a reason to stop, once that has arrived.
                went_on = case.with_schema and report.changed and "switch" in report.steps
                as_wanted = only_cold or (went_on and not report.failed)
                assert report.failed != as_wanted and bool(report.problems) != as_wanted
                check_always(world)
                if not report.changed and "could not be undone" not in report.message:
                    assert world.router.does == before, "a failed operation left something else live"
                world.revive()
                finish(world, ("recover", "promote", "rollback")[number % 3])
                check_afterwards(world, number + CASES.index(case))
        number += step
