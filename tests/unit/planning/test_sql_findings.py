"""Rows that go, and tables that are written as a whole."""

from __future__ import annotations

import pytest

from release.planning.sql_findings import findings
from release.releases.scratch import Rows

ROWS = {"public.big": Rows(0, 90_000, 0), "public.small": Rows(0, 10, 5)}


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        ("TRUNCATE big", ["truncate"]),
        ("truncate table only public.small;", ["truncate"]),
        ("UPDATE big SET a = 1", ["unbounded-write"]),
        ("BEGIN; UPDATE public.big AS b SET a = 1; COMMIT", ["unbounded-write"]),
        ('UPDATE "big"\n SET a = 1', ["unbounded-write"]),
        ("DELETE FROM big", ["unbounded-write"]),
        ("UPDATE big SET a = 1 WHERE id < 10", []),
        ("DELETE FROM big USING other", []),
        ("UPDATE small SET a = 1", []),
        ("UPDATE big SET a = 1 -- WHERE it is", ["unbounded-write"]),
        ("-- TRUNCATE big\nSELECT 1", []),
        ("SELECT 1", []),
    ],
)
def test_what_is_found(statement: str, rules: list[str]) -> None:
    assert [one.rule for one in findings([statement], ROWS)] == rules
