# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of a release: whole, salted where they are of secrets, and compared with those of an earlier engine."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection

import pytest
from fakes.world import World

from release.env.env_file import fingerprint
from release.errors import OperationError
from release.operations import build, config_check
from release.operations.source_view import look
from release.planning.deploy import SourceEntry
from release.releases.compose import LABEL
from release.releases.release import Release
from release.stack.image_source import of_app
from release.stack.model import Stack

SOURCE = f"{LABEL}.source"


def as_before(release: Release) -> Release:
    """As an engine with short fingerprints wrote it."""
    return dataclasses.replace(
        release,
        env=dict.fromkeys(release.env, ""),
        keys={name: text[:16] for name, text in release.keys.items()},
        sources={name: text[:16] for name, text in release.sources.items()},
        routes=release.routes[:16],
    )


def upgraded(world: World) -> None:
    """The history and images of a host that an earlier engine has written."""
    for number, (image, behaviour) in list(world.docker.images.items()):
        labels = {name: text[:16] if name == SOURCE else text for name, text in image.labels.items()}
        world.docker.images[number] = (dataclasses.replace(image, labels=labels), behaviour)
    for written in world.store.written.values():
        old = as_before(written.release)
        env = {layer: fingerprint(data)[:16] for layer, data in written.env.items()}
        written.release = dataclasses.replace(old, env=env)


def test_whole_and_salted(world: World) -> None:
    world.ship()
    release = world.entries("production")[-1].release
    for prints in (release.env, release.keys, release.sources, {"routes": release.routes}):
        assert prints and all(len(text) == 64 for text in prints.values())
    unsalted = {fingerprint(data) for data in world.store.env.values()}
    assert not unsalted & set(release.env.values()), "whoever may read it could try values"
    assert world.store.record["salt"] not in json.dumps(release.to_json())


def test_nothing_to_do_stays_nothing_to_do(world: World) -> None:
    world.ship()
    assert "already runs" in world.good("deploy").message
    assert "already runs" in world.good("promote").message


def test_nothing_to_do_on_an_upgraded_host(world: World) -> None:
    world.ship()
    upgraded(world)
    assert "already runs" in world.good("promote").message
    assert "already runs" in world.good("deploy").message


def test_what_changed_on_an_upgraded_host_is_seen_once(world: World) -> None:
    world.ship()
    upgraded(world)
    world.rotate_secret()
    assert world.good("deploy").changed and world.good("promote").changed
    assert "already runs" in world.good("deploy").message
    assert "already runs" in world.good("promote").message


def test_images_of_an_earlier_engine_are_used_again(world: World) -> None:
    """Its labels have the first digits only. The commits that it built from say whether the source is the same."""
    world.ship()
    before = world.entries("staging")[-1].release
    upgraded(world)
    for behaviour in ("healthy", "healthy"):
        world.commit({"api": behaviour})
        report = world.good("deploy")
        assert set(report.built) == {"api"}
    after = world.entries("staging")[-1].release
    assert {name: after.images[name] for name in ("front", "mail")} == {
        name: before.images[name] for name in ("front", "mail")
    }
    assert all(len(text) == 64 for text in after.sources.values())


def test_a_source_with_the_same_first_digits_is_built(world: World) -> None:
    """Somebody had two sources with one label of before: one for staging, the other for the review."""
    world.good("deploy")
    upgraded(world)
    other = world.commit({"api": "healthy"})
    wanted = {}
    for app in world.stack.apps.values():
        image = of_app(world.stack, app)
        sight = look(world.host, world.stack, other, [image])
        wanted[app.name] = build.source_of(world.stack, image, other, sight, [])
    for written in world.store.written.values():
        short = {name: text[:16] for name, text in wanted.items()}
        written.release = dataclasses.replace(written.release, sources=short)
    assert set(world.good("deploy").built) == {"api"}


def test_a_commit_that_the_repository_lost_is_built_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ship()
    upgraded(world)
    lost, entries = world.git.origin["main"], world.git.entries
    world.commit({"api": "healthy"})

    def known(stack: Stack, commit: str, paths: Collection[str]) -> dict[str, SourceEntry]:
        if commit == lost:
            raise OperationError("git ls-tree failed", "source", "not a tree object")
        return entries(stack, commit, paths)

    monkeypatch.setattr(world.git, "entries", known)
    assert set(world.good("deploy").built) == {"api", "front", "mail"}


def test_the_way_back_on_an_upgraded_host(world: World) -> None:
    world.ship()
    world.ship(api="healthy")
    upgraded(world)
    assert world.good("rollback").changed


def test_a_lost_salt_is_a_change_once(world: World) -> None:
    world.ship()
    world.store.record = {}
    assert world.good("promote").changed
    assert "already runs" in world.good("promote").message


def test_a_preview_makes_no_salt(world: World) -> None:
    report = world.run("deploy", check=True)
    assert report is not None and not report.failed and world.store.record == {}


def test_the_age_of_the_key_outlives_the_longer_fingerprints(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def renewed() -> list[str]:
        found = config_check.report(world.host, world.stack, running=False, record=True, write=True)
        return [label for label in found["renewed"] if label.startswith("keys/")]

    keys = world.store.key_fingerprints
    with_short = {name: text and text[:16] for name, text in keys(world.stack).items()}
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "key_fingerprints", lambda stack: with_short)
        assert renewed() == ["keys/jwt_private.pem"]
    assert renewed() == []
