# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of a release: whole, salted where they are of secrets, and compared with those of an earlier engine."""

from __future__ import annotations

import dataclasses
import json

import pytest
from fakes.world import World

from release.env.env_file import fingerprint
from release.operations import config_check
from release.releases.release import Release


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
    """The history of a host that an earlier engine has written."""
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
