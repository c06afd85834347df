# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has written lines, by the labels of its container."""

from __future__ import annotations

import pytest

from release.releases.logs import Line, Source, Wish, read_source, source_of, to_json

LABELS = {
    "release.onehost.stack": "shop",
    "release.onehost.environment": "production",
    "release.onehost.app": "api",
    "release.onehost.id": "20260101T000000Z-production-abcdef1",
    "release.onehost.slot": "blue",
}
API = Source("c1", "shop", "production", "app", "api", LABELS["release.onehost.id"], "blue", began=5.0)


@pytest.mark.parametrize(
    ("more", "kind", "name"),
    [
        ({}, "app", "api"),
        ({"com.docker.compose.container-number": "2"}, "app", "api.2"),
        ({"release.onehost.replica": "3", "com.docker.compose.container-number": "1"}, "app", "api.3"),
        ({"release.onehost.replica": "many"}, "app", "api"),
        ({"release.onehost.job": "nightly"}, "job", "api"),
        ({"release.onehost.service": "redis"}, "service", "redis"),
    ],
)
def test_a_container(more: dict[str, str], kind: str, name: str) -> None:
    source = source_of("c1", {**LABELS, **more}, "local", 5.0)
    assert source and (source.kind, source.name) == (kind, name)
    assert more or source == API


def test_of_no_stack() -> None:
    assert source_of("c1", {"release.onehost.app": "api"}, "local", 5.0) is None
    assert source_of("c1", {"release.onehost.stack": "shop"}, "local", 5.0) is None


def test_what_is_kept_of_it() -> None:
    assert read_source(to_json(API)) == API
    for damage in ({}, {**to_json(API), "kind": "cat"}, {**to_json(API), "replica": "x"}):
        with pytest.raises((KeyError, ValueError)):
            read_source(damage)


def test_which_release_it_belongs_to() -> None:
    assert API.belongs_to(API.release) and not API.belongs_to("20260101T000001Z-production-abcdef1")
    build = Source("b", "shop", "staging", "build", "api", "abcdef123456")
    assert build.belongs_to(API.release) and not build.belongs_to("20260101T000000Z-production-0000000")


def test_what_is_wanted() -> None:
    line = Line(10, "stdout", b'{"level":"error"}')
    assert Wish().wants(line) and Wish(since=10, grep=b'"error"').wants(line)
    assert not Wish(since=11).wants(line) and not Wish(grep=b"e.ror").wants(line)
