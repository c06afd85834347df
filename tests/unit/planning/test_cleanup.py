# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cleanup may plan: nothing that is needed, and no more than it takes. On random hosts."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given, note
from hypothesis import settings as search
from hypothesis import strategies as st
from support.profiles import ONE_IN

from release.planning import cleanup
from release.planning.cleanup import ContainerUsage, DiskItem, HostUsage, ImageUsage, Settings, StackUsage
from release.releases.compose import LABEL
from release.releases.release import STATUSES, Entry, Release

STACKS = ("shop", "notes")
APPS = ("api", "front")
IMAGES = [f"sha256:{number:064x}" for number in range(12)]
BUILD_TAGS = ("0123456789ab", "0123456789ab-abcdef", "ffffffffffff-abcdef-2")
NAMED_TAGS = ("staging", "production", "rollback", "keep", "latest", "0123456789AB", "0123456789abc")


def release(stack: str, environment: str, number: int, images: dict[str, str]) -> Release:
    return Release(
        id=f"202601{number:02}T000000Z-{environment}-abcdef0",
        stack=stack,
        environment=environment,
        commit="abcdef0",
        version="main",
        created="",
        person="",
        reason="",
        operation="deploy",
        images=images,
        services={},
    )


@st.composite
def stacks(draw: st.DrawFn, name: str) -> StackUsage:
    entries, live = [], {}
    for environment in ("staging", "production"):
        count = draw(st.integers(0, 5))
        for number in range(1, count + 1):
            images = {app: draw(st.sampled_from(IMAGES)) for app in APPS}
            status = draw(st.sampled_from([status for status in STATUSES if status != "live"]))
            since = f"202602{draw(st.integers(1, 28)):02}T000000Z"
            entries.append(Entry(release(name, environment, number, images), status, since))
        mine = [index for index, entry in enumerate(entries) if entry.release.environment == environment]
        live[environment] = ""
        if mine and draw(st.booleans()):
            index = draw(st.sampled_from(mine))
            entries[index] = dataclasses.replace(entries[index], status="live")
            live[environment] = entries[index].release.id
    unfinished = draw(st.sets(st.sampled_from([e.release.id for e in entries]), max_size=1)) if entries else set()
    return StackUsage(
        name=name,
        entries=entries,
        live=live,
        unfinished=frozenset(unfinished),
        needed_images=frozenset(draw(st.sets(st.sampled_from(IMAGES), max_size=1))),
        directories=[DiskItem(entry.release.id, draw(st.integers(0, 9))) for entry in entries],
        journals=[DiskItem(f"/journal/{name}/{number}", 1) for number in range(draw(st.integers(0, 4)))],
    )


@st.composite
def hosts(draw: st.DrawFn) -> HostUsage:
    some = [draw(stacks(name)) for name in draw(st.sampled_from([STACKS, STACKS[:1], ()]))]
    images: list[ImageUsage] = []
    taken: set[str] = set()
    for image_id in draw(st.sets(st.sampled_from(IMAGES))):
        labels = {}
        if draw(st.integers(0, 5)):
            labels = {f"{LABEL}.stack": draw(st.sampled_from(STACKS)), f"{LABEL}.app": draw(st.sampled_from(APPS))}
        own = draw(st.lists(st.sampled_from(BUILD_TAGS), unique=True, max_size=2))
        names = [f"{labels.get(f'{LABEL}.app', 'foreign')}:{tag}" for tag in own]
        if not draw(st.integers(0, 4)):
            names.append(f"{draw(st.sampled_from([*APPS, 'foreign']))}:{draw(st.sampled_from(NAMED_TAGS))}")
        # A name is one image's.
        names = [name for name in names if name not in taken]
        taken.update(names)
        size, created = draw(st.integers(0, 50)), draw(st.integers(0, 9))
        images.append(ImageUsage(image_id, tuple(names), labels, size, float(created)))
    containers = []
    for number in range(draw(st.integers(0, 4))):
        labels = {}
        entries = [entry for stack in some for entry in stack.entries]
        if entries and draw(st.booleans()):
            entry = draw(st.sampled_from(entries))
            labels = {
                f"{LABEL}.stack": entry.release.stack,
                f"{LABEL}.slot": "blue",
                f"{LABEL}.id": entry.release.id,
            }
        image = draw(st.sampled_from(IMAGES))
        containers.append(ContainerUsage(f"c{number}", f"c{number}", image, labels, draw(st.booleans()), 3))
    return HostUsage(
        total=1000,
        free=draw(st.integers(0, 400)),
        images=images,
        containers=containers,
        stacks=some,
        volumes=[DiskItem("scratch", 20)] if draw(st.booleans()) else [],
        build_cache=draw(st.integers(0, 60)),
        package_cache=draw(st.integers(0, 20)),
        system_log=draw(st.integers(0, 40)),
        kept_logs=[DiskItem(f"log-{number}", 7) for number in range(draw(st.integers(0, 3)))],
    )


settings = st.builds(
    Settings,
    free_gb=st.integers(0, 500).map(lambda count: count / 1e9),
    free_percent=st.integers(0, 40),
    keep_releases=st.integers(2, 4),
    keep_journals=st.integers(1, 3),
    build_cache_gb=st.integers(0, 40).map(lambda count: count / 1e9),
    journal_mb=st.just(0),
)
keeps = st.sets(st.sampled_from(IMAGES), max_size=2)


def of_kind(plan: cleanup.CleanupPlan, kind: str) -> list[str]:
    return [name for item in (*plan.trimmed, *plan.removals) if item.kind == kind for name in item.names]


@search(max_examples=500 // ONE_IN, deadline=None)
@given(hosts(), settings, keeps)
def test_nothing_that_is_needed_is_ever_in_the_plan(seen: HostUsage, wanted: Settings, keep: set[str]) -> None:
    """Told a second time, in the words of the promise, without the planner's own helpers."""
    plan = cleanup.plan(seen, wanted, keep)
    note(str(plan))
    gone = set(of_kind(plan, cleanup.IMAGE))
    removed_containers = set(of_kind(plan, cleanup.CONTAINER))
    for container in seen.containers:
        if container.name in removed_containers:
            assert not container.is_running
            assert container.labels
    for image in seen.images:
        if not gone & {*image.names, image.id}:
            continue
        assert gone >= set(image.names)
        assert image.labels.get(f"{LABEL}.stack") in {stack.name for stack in seen.stacks}
        assert all(name.split(":")[0] == image.labels[f"{LABEL}.app"] for name in image.names)
        assert all(name.split(":")[1] in BUILD_TAGS for name in image.names)
        assert image.id not in keep
        assert image.id not in {c.image for c in seen.containers if c.name not in removed_containers}
    for stack in seen.stacks:
        good = [e for e in stack.entries if e.release.environment == "production" and e.status in ("live", "previous")]
        good.sort(key=lambda entry: (entry.since, entry.release.id))
        needed = good[-2:] + [e for e in stack.entries if e.release.id in stack.live.values()]
        needed += [e for e in stack.entries if e.release.id in stack.unfinished]
        for entry in needed:
            assert f"{stack.name}/{entry.release.id}" not in of_kind(plan, cleanup.RELEASE)
            lost = {image.id for image in seen.images if gone & {*image.names, image.id}}
            assert not lost & set(entry.release.images.values())
            for container in seen.containers:
                if container.name in removed_containers and container.labels[f"{LABEL}.stack"] == stack.name:
                    assert container.labels[f"{LABEL}.id"] != entry.release.id
        assert not {image.id for image in seen.images if gone & {*image.names, image.id}} & stack.needed_images


@search(max_examples=500 // ONE_IN, deadline=None)
@given(hosts(), settings, keeps)
def test_plan_is_the_least_that_meets_its_floor(seen: HostUsage, wanted: Settings, keep: set[str]) -> None:
    plan = cleanup.plan(seen, wanted, keep)
    everything = cleanup.candidates(seen, wanted, keep)
    freed = sum(item.bytes for item in plan.removals) + sum(item.bytes for item in plan.trimmed)
    if seen.free + freed < plan.floor:
        assert sorted(map(str, plan.removals)) == sorted(map(str, everything))
    else:
        wanted_first = {name for item in plan.removals for name in item.after}
        for item in plan.removals:
            assert seen.free + freed - item.bytes < plan.floor or wanted_first & set(item.names)


@given(hosts(), settings)
def test_same_look_gives_same_plan(seen: HostUsage, wanted: Settings) -> None:
    assert cleanup.plan(seen, wanted) == cleanup.plan(seen, wanted)


# The cases that people know by name.


def host(**parts: Any) -> HostUsage:
    return HostUsage(**{"total": 100_000_000_000, "free": 1_000_000_000, **parts})


def image(number: int, *tags: str, app: str = "api", size: int = 1_000_000_000) -> ImageUsage:
    labels = {f"{LABEL}.stack": "shop", f"{LABEL}.app": app}
    return ImageUsage(IMAGES[number], tuple(f"{app}:{tag}" for tag in tags), labels, size, float(number))


def shop(*entries: Entry, **live: str) -> StackUsage:
    return StackUsage("shop", entries, {"staging": "", "production": "", **live})


def production(number: int, status: str) -> Entry:
    return Entry(release("shop", "production", number, {"api": IMAGES[number]}), status, f"202601{number:02}T000000Z")


def tag(number: int) -> str:
    return f"{number:012x}"


def planned(seen: HostUsage, **wanted: Any) -> list[str]:
    return of_kind(cleanup.plan(seen, Settings(**{"free_gb": 90, **wanted})), cleanup.IMAGE)


def test_failed_releases_do_not_count_as_good_ones() -> None:
    entries = [production(1, "previous"), production(2, "previous"), *(production(n, "failed") for n in (3, 4, 5))]
    entries[1] = dataclasses.replace(entries[1], status="live")
    seen = host(
        images=[image(n, tag(n)) for n in range(1, 6)],
        stacks=[shop(*entries, production=entries[1].release.id)],
    )
    assert planned(seen) == [f"api:{tag(n)}" for n in (3, 4, 5)]


def test_oldest_release_goes_first_and_only_as_much_as_it_takes() -> None:
    entries = [*(production(n, "previous") for n in range(1, 5)), production(5, "live")]
    seen = host(
        images=[image(n, tag(n)) for n in range(1, 6)], stacks=[shop(*entries, production=entries[-1].release.id)]
    )
    assert planned(seen, free_gb=2.5) == [f"api:{tag(1)}", f"api:{tag(2)}"]


def test_small_one_stays_when_a_large_one_has_to_go_anyway() -> None:
    seen = host(images=[image(1, tag(1), size=10), image(2, tag(2), size=9_000_000_000)], stacks=[shop()])
    assert planned(seen, free_gb=8) == [f"api:{tag(2)}"]


def test_tag_that_was_given_by_hand_keeps_its_image() -> None:
    seen = host(images=[image(1, tag(1), "before-the-migration"), image(2, tag(2))], stacks=[shop()])
    assert planned(seen) == [f"api:{tag(2)}"]


def test_history_without_the_live_release_is_not_believed() -> None:
    seen = host(images=[image(1, tag(1))], stacks=[shop(production="20260101T000000Z-production-gone")])
    assert planned(seen) == []


def test_image_follows_the_leftover_that_held_it() -> None:
    labels = {f"{LABEL}.stack": "shop", f"{LABEL}.slot": "green", f"{LABEL}.id": production(1, "failed").release.id}
    left = ContainerUsage("c", "shop-production-green-api-1", IMAGES[1], labels, is_running=False)
    seen = host(images=[image(1, tag(1))], containers=[left], stacks=[shop(production(1, "failed"))])
    kinds = [item.kind for item in cleanup.plan(seen, Settings()).removals]
    assert kinds == [cleanup.CONTAINER, cleanup.IMAGE]
    running = dataclasses.replace(left, is_running=True)
    assert cleanup.plan(dataclasses.replace(seen, containers=[running]), Settings()).removals == ()


def test_a_run_that_goes_on_keeps_the_image_that_it_began_with() -> None:
    """Its release may be long gone; and where it has ended unseen, whoever concludes it still wants its exit code."""
    labels = {f"{LABEL}.stack": "shop", f"{LABEL}.run": "digest", f"{LABEL}.id": production(1, "failed").release.id}
    for is_running in (True, False):
        run = ContainerUsage("c", "shop-run-digest", IMAGES[1], labels, is_running=is_running)
        seen = host(images=[image(1, tag(1))], containers=[run], stacks=[shop(production(1, "failed"))])
        assert cleanup.plan(seen, Settings()).removals == ()


def test_networks_without_containers_go_whatever_the_space_is() -> None:
    """Not those of stopped containers: they could not be started without."""

    def of(project: str, key: str = "default") -> dict[str, str]:
        return {"com.docker.compose.project": project, "com.docker.compose.network": key}

    kept = ContainerUsage("c", "c", IMAGES[1], {}, is_running=False, networks=frozenset({"shop-staging-blue_default"}))
    networks = {
        "bridge": {},
        "other_default": of("other"),
        "shop-preview-blue_default": of("shop-preview-blue"),
        "shop-production-blue_back": of("shop-production-blue", "back"),
        "shop-staging-blue_default": of("shop-staging-blue"),
        "shop-staging-green_default": of("shop-staging-green"),
        "shop-production-green-172.16.224.96": of("shop-production-green"),
    }
    plan = cleanup.plan(host(containers=[kept], networks=networks, stacks=[shop()]), Settings(free_gb=0))
    assert [str(item) for item in plan.trimmed] == [
        "network shop-staging-green_default: no container is in it",
        "network shop-production-green-172.16.224.96: no container is in it",
    ]
    assert plan.removals == ()


def test_a_service_that_is_stopped_stays_with_its_networks() -> None:
    networks = {name: {"com.docker.compose.project": name} for name in ("shop-staging-blue", "shop-staging-green")}
    labels = {"release.onehost.stack": "shop", "release.onehost.service": "redis"}
    redis = ContainerUsage("c", "c", IMAGES[1], labels, is_running=False, networks=frozenset(networks))
    plan = cleanup.plan(host(containers=[redis], networks=networks, stacks=[shop()], free=0), Settings(free_gb=20))
    assert (plan.trimmed, plan.removals) == ((), ())


def test_what_needs_no_room_goes_first_on_a_full_disk() -> None:
    seen = host(free=0, images=[image(1, tag(1))], package_cache=5, system_log=500_000_000, stacks=[shop()])
    kinds = [item.kind for item in cleanup.plan(seen, Settings()).removals]
    assert kinds == [cleanup.PACKAGES, cleanup.LOGS, cleanup.IMAGE]


def test_per_cent_and_gigabytes_are_both_floors() -> None:
    assert Settings(free_gb=20, free_percent=10).floor(100_000_000_000) == 20_000_000_000
    assert Settings(free_gb=20, free_percent=50).floor(100_000_000_000) == 50_000_000_000


def test_the_words_of_a_plan() -> None:
    """All kinds in their order, with their names and the reason that a person is shown."""
    labels = {f"{LABEL}.stack": "shop", f"{LABEL}.slot": "green", f"{LABEL}.id": "20260101T000000Z-production-old"}
    left = ContainerUsage("c", "shop-production-green-api-1", IMAGES[3], labels, is_running=False, bytes=2_000_000)
    of_none = {name: value for name, value in labels.items() if not name.endswith(".id")}
    nameless = ContainerUsage("d", "shop-production-green-front-1", IMAGES[5], of_none, False, 1_000)
    entries = [production(1, "previous"), production(2, "previous"), production(4, "live")]
    seen = host(
        images=[image(n, tag(n)) for n in (1, 3, 5)],
        containers=[left, nameless],
        stacks=[shop(*entries, production=entries[-1].release.id)],
        volumes=[DiskItem("scratch", 1_500_000_000)],
        build_cache=6_000_000_000,
        package_cache=999_999,
        system_log=700_000_000,
        kept_logs=[DiskItem("/state/shop/logs/c1", 3_000_000)],
    )
    assert [str(item) for item in cleanup.candidates(seen, Settings())] == [
        f"image api:{tag(1)}: 1.0 GB, last in {entries[0].release.id}",
        "build cache BuildKit: 1.0 GB, over its limit of 5 GB",
        "container shop-production-green-api-1: 2 MB, stopped, of 20260101T000000Z-production-old, which nothing needs",
        "container shop-production-green-front-1: 1 kB, stopped, of no release, which nothing needs",
        f"image api:{tag(3)}: 1.0 GB, in no release",
        f"image api:{tag(5)}: 1.0 GB, in no release",
        "volume scratch: 1.5 GB, unused, disposable",
        "package cache apt: 1000 kB, can be downloaded again",
        "system log journald: 500 MB, over its limit of 200 MB",
        "kept log /state/shop/logs/c1: 3 MB, of what is gone",
    ]
    assert [item.after for item in cleanup.candidates(seen, Settings()) if item.after] == [
        ("shop-production-green-api-1",),
        ("shop-production-green-front-1",),
    ]


def test_sizes_change_their_unit_at_the_limit() -> None:
    sizes = (999_499, 1_000_000, 999_000_000, 1_000_000_000, -2_000_000_000, 0)
    assert [cleanup.size(count) for count in sizes] == ["999 kB", "1 MB", "999 MB", "1.0 GB", "-2.0 GB", "0 kB"]


def directories(environment: str, *days: int, partial: bool = False) -> list[DiskItem]:
    end = ".partial" if partial else ""
    return [DiskItem(f"202601{day:02}T000000Z-{environment}-abcdef0{end}", 7) for day in days]


def test_what_is_beyond_its_number() -> None:
    """The oldest of each environment, what was half written, the oldest journals; the stack that cannot be trusted
    loses nothing, and the ones after it are not kept from it."""
    entries = [production(day, "previous") for day in (1, 2, 3)] + [production(4, "live")]
    lost = dataclasses.replace(shop(production="gone"), name="lost", directories=directories("production", 1, 2, 3))
    stack = dataclasses.replace(
        shop(*entries, production=entries[-1].release.id),
        directories=[
            *directories("production", 1, 2),
            *directories("production", 1, partial=True),
            *directories("production", 3, 4),
            *directories("staging", 1),
            *directories("production", 4, partial=True),
        ],
        journals=[DiskItem("/journal/1", 1), DiskItem("/journal/2", 2), DiskItem("/journal/3", 3)],
    )
    plan = cleanup.plan(host(stacks=[lost, stack]), Settings(free_gb=0, keep_releases=3, keep_journals=2))
    assert plan.removals == ()
    assert [str(item) for item in plan.trimmed] == [
        "release directory shop/20260101T000000Z-production-abcdef0: 0 kB, older than the last 3",
        "release directory shop/20260101T000000Z-production-abcdef0.partial: 0 kB, half-written",
        "journal /journal/1: 0 kB, older than the last 2",
    ]


def test_the_way_back_of_staging_keeps_its_directory_and_containers_but_not_its_images() -> None:
    def staging(number: int, status: str) -> Entry:
        return Entry(release("shop", "staging", number, {"api": IMAGES[number]}), status, f"202601{number:02}T000000Z")

    entries = [staging(1, "previous"), staging(2, "previous"), staging(3, "live")]
    live = entries[-1].release.id
    stack = shop(*entries, staging=live)
    assert stack.protected_releases() == {entry.release.id for entry in entries[1:]}
    assert stack.protected_images() == {IMAGES[3]}
