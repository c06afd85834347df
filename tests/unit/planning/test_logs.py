# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be asked of logs, and what is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.stacks import shop_definition, shop_with_services

from release.errors import RefusedError
from release.planning import logs
from release.releases.logs import Given, Source, Wish
from release.stack.reader import read_stack

NOW = 1_764_182_640.0  # 2025-11-26T18:44:00Z
SHOP = read_stack("shop", shop_definition())
API = Source("c1", "shop", "production", "app", "api", "20260101T000000Z-production-abcdef1", "blue", began=100.0)


def test_usually_the_newest() -> None:
    assert logs.wish(SHOP, Given(), NOW) == Wish(lines=logs.USUAL_LINES)
    assert logs.wish(SHOP, Given(since="2h", grep="a.c"), NOW) == Wish(since=int((NOW - 7200) * 1e9), grep=b"a.c")
    assert logs.wish(SHOP, Given(since="2h", lines="5"), NOW).lines == 5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", NOW - 45),
        ("10m", NOW - 600),
        ("3d", NOW - 259200),
        ("999999999d", 0),
        ("2025-11-26", NOW - 67440),
        ("2025-11-26T18:44", NOW),
        ("2025-11-26 18:43:30.5Z", NOW - 29.5),
        ("2025-11-26T19:43+01:00", NOW - 60),
        ("2025-11-26T17:43-01:00", NOW - 60),
    ],
)
def test_since(text: str, seconds: float) -> None:
    assert logs.moment(text, NOW) == int(seconds * 10) * 100_000_000


@pytest.mark.parametrize(
    "text",
    [
        "10",
        "0m",
        "10 minutes ago",
        "-5m",
        "5M",
        "yesterday",
        "2025-13-01",
        "2025-11-32",
        "2025-11-26T24:00",
        "2026-11-26",
        "10m\n",
    ],
)
def test_since_when_nobody_knows(text: str) -> None:
    with pytest.raises(ValueError, match=r"is (neither|no|in)"):
        logs.moment(text, NOW)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    given = Given("qa", "../x", "", "soon", "a\nb", "0")
    with pytest.raises(RefusedError) as refused:
        logs.wish(SHOP, given, NOW)
    assert [problem.where for problem in refused.value.problems] == [
        "environment qa",
        "app ../x",
        "since soon",
        "grep",
        "lines 0",
    ]
    assert all(problem.fix for problem in refused.value.problems)
    for lines in ("ten", "-1", "100001", "9" * 50, "²"):
        with pytest.raises(RefusedError):
            logs.wish(SHOP, Given(lines=lines), NOW)
    with pytest.raises(RefusedError):
        logs.wish(SHOP, Given(lines="11"), NOW, most=10)


def test_what_is_selected() -> None:
    staging = replace(API, id="c2", environment="staging", began=50.0)
    ended = replace(API, id="c3", began=10.0, changed=200.0)
    everything = [API, staging, ended]
    assert logs.select(everything, Wish()) == [ended, staging, API]
    assert logs.select(everything, Wish(environment="staging")) == [staging]
    assert logs.select(everything, Wish(app="web")) == []
    assert logs.select(everything, Wish(release=API.release, since=int(201e9))) == [ended, staging, API]
    assert logs.select(everything, Wish(environment="production", since=int(202e9))) == [API]


def test_what_nobody_knows_is_refused() -> None:
    shop = read_stack("shop", shop_with_services())
    logs.check_known(shop, [], (), Wish(app="redis"))
    logs.check_known(SHOP, [replace(API, app="gone")], [], Wish(app="gone", release=API.release))
    logs.check_known(SHOP, [], ["r1"], Wish(app="api", release="r1"))
    with pytest.raises(RefusedError) as refused:
        logs.check_known(SHOP, [], ["r1"], Wish(app="apo", release="r2"))
    assert [problem.where for problem in refused.value.problems] == ["app apo", "release r2"]


def test_lines_that_are_elsewhere() -> None:
    assert logs.elsewhere([API, replace(API, driver="syslog"), replace(API, id="c2", driver="syslog")]) == [
        "production api: its lines go to Docker's log driver syslog"
    ]


def kept(name: str, app: str, age: float, size: int) -> Source:
    return replace(API, id=name, app=app, changed=NOW - age, size=size)


def test_a_flood_takes_no_other_app_s_room() -> None:
    half = logs.KEPT_BYTES // 2
    flood = [kept(f"f{number}", "flood", number, half + 1) for number in range(3)]
    assert logs.surplus([*flood, kept("a", "api", 9, 10), kept("b", "api", 5, 10)], NOW) == ["f1", "f2"]
    assert logs.surplus([kept("f", "flood", 1, 2 * logs.KEPT_BYTES)], NOW) == []


def test_neither_many_nor_old_ones_are_kept() -> None:
    many = [kept(f"m{number}", "job", number, 1) for number in range(logs.KEPT_NUMBER + 2)]
    assert logs.surplus(many, NOW) == [f"m{logs.KEPT_NUMBER}", f"m{logs.KEPT_NUMBER + 1}"]
    day = 86400
    assert logs.surplus([kept("o", "api", logs.KEPT_DAYS * day + 1, 1), kept("n", "api", 1, 1)], NOW) == ["o"]
