# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The promises of the engine, as checks of a faked host that hold whenever no operation is under way."""

from __future__ import annotations

from fakes.docker import BREAKING, BREAKING_IN_PRODUCTION
from fakes.world import World

from release.env.env_file import fingerprint
from release.releases.history import find, rollback_target
from release.releases.release import Entry, Live
from release.releases.replicas import counts_of
from release.releases.runtime import ProbeTarget
from release.stack.model import ENVIRONMENTS, EnvironmentName, Stack
from release.stack.replicas import units


def check_always(world: World) -> None:
    """What no kill and no failure may break, not for a moment."""
    assert not world.violations, "\n".join(world.violations)
    for entry in world.entries("production"):
        tested = find(world.store.entries(), entry.release.promoted_from)
        assert tested is not None and tested.release.environment == "staging", entry


def check_settled(world: World) -> None:
    """Switch, edge, tags, history and containers tell the same story."""
    check_always(world)
    for environment in ENVIRONMENTS:
        assert not world.unfinished(environment)
        _check_environment(world, environment)
        _check_services(world, environment)
        _check_jobs(world, environment)
        _check_maintenance(world, environment)
        _check_pages(world, environment)
        _check_promises(world, environment)
        _check_schemas(world, environment)
    assert not world.git.trees, "what a killed build was given is still there"
    assert not world.scratch.there, "a copy for a rehearsal is still there"
    assert not any(name.endswith("-rehearsal") for name in world.docker.networks), "so is its network"
    assert not world.store.half or all(half not in world.store.written for half in world.store.half)


def _check_environment(world: World, environment: EnvironmentName) -> None:
    entries = world.entries(environment)
    file, memory = world.router.files[environment], world.router.does[environment]
    assert file == memory, (file, memory)
    live = Live.parse(file)
    statuses = {entry.release.id: entry.status for entry in entries}
    assert [name for name, status in statuses.items() if status == "live"] == ([live.release] if live else []), statuses
    assert "prepared" not in statuses.values(), statuses
    note = world.store.notes.get(environment)
    warm = (note["slot"], note["release"]) if note else None
    running = {(box.slot, box.release, box.unit) for box in world.up(environment)}
    if live is None:
        assert not running, running
        assert not any(world.tag(app, environment) for app in world.stack.apps)
        return
    entry = world.entry(live.release)
    wanted = _wanted(world, environment, live)
    assert wanted <= running, (wanted, running)
    assert {(slot, release) for slot, release, _ in running - wanted} <= {warm}, (running, live, warm)
    for app, image in entry.release.images.items():
        # No container holds the image of a job: who removes all that none uses takes it, and its tag.
        is_lost = world.images_lost and app not in entry.release.in_slot
        assert is_lost or world.tag(app, environment) == image, (app, environment)
        whose = world.day(live.release).apps[app].builder
        assert entry.release.images.get(whose) == image, f"{app} and {whose} have two images in {environment}"
    assert world.edge.file[environment] == world.edge.memory[environment]
    _check_answers(world, environment, live)
    if environment == "production":
        _check_rollback_tag(world, entries, live)


def _wanted(world: World, environment: EnvironmentName, live: Live) -> set[tuple[str, str, str]]:
    """The containers that are to run: as many of each app as the slot's files and the router say."""
    compose = world.store.files.get(f"/state/{environment}-{live.slot}/compose.json", {})
    counts = counts_of(compose, live.release)
    if not counts:
        # The files are lost; how many there are to be, the containers themselves tell.
        for box in world.up(environment, live.slot):
            counts[box.app] = max(counts.get(box.app, 1), box.replica)
    for app, at in world.router.reach_file[environment].get(live.slot, {}).items():
        assert not compose or at.replicas == counts.get(app, 1), f"{app}: {at} in {environment}, not {counts}"
    apps = world.entry(live.release).release.in_slot
    return {(live.slot, live.release, name) for app in apps for name in units(app, counts.get(app, 1))}


def _check_services(world: World, environment: EnvironmentName) -> None:
    """Every service runs, and what it was created from is there; none was lost, and no volume either."""
    boxes = {box.name: box for box in world.docker.beside if box.environment == environment}
    for name, box in boxes.items():
        assert box.up, f"{name} does not run in {environment}"
        assert box.image not in world.docker.sick_services, f"{name} was left sick in {environment}"
        assert world.store.has_service(world.stack, environment, name, box.created_from), name
        assert set(box.mounted) <= set(world.docker.volumes), name
    if Live.parse(world.router.files[environment]):
        # Those of releases that were live already: a new one is there once somebody changes the services.
        assert set(boxes) >= {"redis"} or not world.stack.services, boxes


def _check_jobs(world: World, environment: EnvironmentName) -> None:
    """Timers are those of the live release; no run is open, and nothing of one is left."""
    live = Live.parse(world.router.files[environment])
    services = world.entry(live.release).release.services if live else {}
    jobs = world.day(live.release).jobs_in(environment) if live else {}
    wanted = {name: app.schedule for name, app in jobs.items() if app.schedule and name in services}
    assert world.schedule.timers.get(environment, {}) == wanted, environment
    assert not left_of_runs(world, environment)


def left_of_runs(world: World, environment: EnvironmentName) -> list[object]:
    """What a killed run leaves until a recovery or the next run of its job: an open record, a container, files."""
    return [
        *(run for run in world.runs.records("shop") if run.environment == environment and not run.is_over),
        *(box for box in world.one_off.boxes if box.environment == environment),
        *(path for path in world.runs.files if f"-{environment}-" in path),
    ]


def _check_maintenance(world: World, environment: EnvironmentName) -> None:
    """The router does what is recorded, and goes on doing so after a restart."""
    assert world.maintenance.files[environment] == world.maintenance.memory[environment]
    lasting = [one for one in world.maintenance.records.get(environment, []) if one.until > world.clock.now()]
    for app in world.web_apps():
        wanted = any(one.app in ("", app) for one in lasting)
        assert world.maintenance.is_closed(environment, app, "/") is wanted, (app, lasting)


def _check_pages(world: World, environment: EnvironmentName) -> None:
    """Visitors see the error pages of the live release, or of none."""
    live = Live.parse(world.router.files[environment])
    shown = world.edge.pages.get(environment, "")
    its = world.entry(live.release).release.pages if live else {}
    pages = {name: fingerprint(data) for name, data in world.store.pages.get(shown, {}).items()}
    assert pages == its, (environment, shown, live)


def _check_promises(world: World, environment: EnvironmentName) -> None:
    """What breaks a promise to visitors is live nowhere where that shows."""
    live = Live.parse(world.router.files[environment])
    if live is None or not world.stack.endpoints:
        return
    images = world.entry(live.release).release.images
    known = [images[app] for app in ("api", "front") if images.get(app) in world.docker.images]
    bad = {BREAKING, BREAKING_IN_PRODUCTION} if environment == "production" else {BREAKING}
    assert not bad & {world.docker.images[image][1] for image in known}, f"{live} breaks a promise in {environment}"


def _check_schemas(world: World, environment: EnvironmentName) -> None:
    """What is known of each database is what is applied there, unless nobody could be asked; and it has at least what
    the live release went live with."""
    if not world.stack.migrations:
        return
    known = world.store.known_schemas.get(environment, {})
    there = world.databases.applied.get(environment, "")
    for it in known.values():
        assert it.state != "begun" and (it.revision == there or it.revision is None), (environment, known, there)
        assert it.revision is not None or not it.is_settled, (environment, known)
    live = Live.parse(world.router.files[environment])
    if live is not None:
        schema = world.entry(live.release).schema
        # With its status, what it went live with may be lost.
        assert set(schema) in (set(world.day(live.release).migrations), set()), (live, schema)
        # One that went back for a release that then did not go live is known as such, and a promote migrates it again.
        behind = [app for app, it in known.items() if it.is_behind(schema.get(app))]
        assert all(revision <= there or app in behind for app, revision in schema.items()), (live, schema, there)


def _check_answers(world: World, environment: EnvironmentName, live: Live) -> None:
    """The live release answers on its own ports and routes, whatever the inventory has made of them since."""
    world.clock.time += 1
    day = world.day(live.release)
    apps = [app for app in day.web_apps if app.name in world.entry(live.release).release.services]
    checks = [(port, route.path, app.name) for app in apps for route in app.routes for port in _ports(day, environment)]
    for port, path, app in checks:
        answer = world.probe.edge(ProbeTarget(port, "localhost", path, False, f"shop-{environment}"))
        box = world.docker.named(environment, live, app)
        if world.docker.is_bad(box):
            continue  # it was good enough for its checks, and nobody watched it longer
        assert (answer.status, answer.release) == (200, live.release), answer
        assert answer.body == f"{app} of {live.release}", answer


def _ports(day: Stack, environment: EnvironmentName) -> tuple[int, ...]:
    return day.environments[environment].ports


def _check_rollback_tag(world: World, entries: list[Entry], live: Live) -> None:
    """:rollback names what a rollback would bring, unless somebody removed images, and tags with them."""
    if world.images_lost:
        return
    target = rollback_target(entries, "production", live.release)
    for app in world.stack.apps:
        wanted = target.release.images.get(app, "") if target else ""
        assert world.tag(app, "rollback") == wanted, (app, target)
