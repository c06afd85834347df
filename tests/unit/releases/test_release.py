# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: there and back, names, moments."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable

import pytest
from fakes.releases import release

from release.releases.release import Live, Release, moment_of, release_id, seconds_of, timestamp


def test_release_there_and_back() -> None:
    one = release(1)
    assert Release.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize(
    "spoil", [lambda d: d.update(format=2), lambda d: d.pop("format"), lambda d: d.pop("images"), lambda d: d.clear()]
)
def test_a_release_of_another_kind_is_no_release(spoil: Callable[[dict[str, object]], object]) -> None:
    data = release(1).to_json()
    spoil(data)
    with pytest.raises(ValueError, match=r"format|images"):
        Release.from_json(data)


def test_unknown_parts_are_passed_over() -> None:
    """A newer engine may have written more than this one reads, as long as the format is the same."""
    assert Release.from_json({**release(1).to_json(), "colour": "red"}) == release(1)


def test_content_is_what_users_notice() -> None:
    one = release(1)
    service = {"image": "sha256:1", "environment": {"A": "1", "RELEASE_ID": "x"}}
    same = dataclasses.replace(release(1), id="other", person="bob", services={"api": service})
    assert one.content() == same.content()


KEY = {"environments": ["staging"], "apps": ["api"], "default": "1", "type": "text", "description": "a note"}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"env": {"common": "f"}}, False),
        ({"images": {"api": "sha256:2"}}, False),
        ({"keys": {"jwt_public.pem": "f"}}, False),
        ({"routes": "f"}, False),
        ({"services": {"api": {"image": "sha256:1", "environment": {"A": "2"}}}}, False),
        ({"services": {"api": {"image": "sha256:1", "environment": {"A": "1", "B": "1"}}}}, False),
        ({"services": {"api": {"image": "sha256:1"}}}, False),
        ({"definition": {"apps": {"api": {"memory": "1g"}}}}, False),
        ({"definition": {"env_matrix": {"A": {**KEY, "environments": []}}}}, False),
        ({"definition": {"env_matrix": {"A": {**KEY, "apps": []}}}}, False),
        ({"definition": {"env_matrix": {"A": {**KEY, "default": "2"}}}}, False),
        ({"definition": {"env_matrix": {"B": KEY}}}, False),
        # What a key is checked for and described as changes nothing that runs.
        ({"definition": {"apps": {}, "env_matrix": {"A": {**KEY, "type": "port", "description": ""}}}}, True),
        ({"definition": {"env_matrix": {"A": KEY}, "watch_seconds": 9}}, True),
        ({"commit": "other", "reason": "other", "created": "other"}, True),
    ],
)
def test_content_changes_with_what_users_notice(changes: dict[str, object], same: bool) -> None:
    one = release(1, definition={"env_matrix": {"A": KEY}})
    assert (release(1, **{"definition": one.definition, **changes}).content() == one.content()) is same


def test_ids_sort_by_time() -> None:
    moment = datetime.datetime(2026, 11, 21, 4, 18, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    name = release_id(moment, "production", "1a2b3c4d5e")
    assert name == "20261121T031800Z-production-1a2b3c4"
    assert moment_of(name) == moment == moment_of(timestamp(moment))
    with pytest.raises(ValueError):
        moment_of("2026-11-21T03:18:00Z")


@pytest.mark.parametrize("live", [Live("blue", "r1"), Live("green", "20261121T031800Z-production-1a2b3c4")])
def test_live_there_and_back(live: Live) -> None:
    assert Live.parse(str(live)) == live == Live.parse(f" {live}\n")


@pytest.mark.parametrize("text", ["none/none", "", "blue", "blue/", "/x", "red/x"])
def test_nothing_is_live(text: str) -> None:
    assert Live.parse(text) is None


def test_the_moment_that_a_name_begins_with() -> None:
    assert seconds_of("19700101T000100Z-production-abcdef0") == 60.0
    assert seconds_of("19700101T000100Z") == 60.0
    assert seconds_of("") is None and seconds_of("yesterday") is None
