# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools print about migrations, and what is said of it."""

from __future__ import annotations

import pytest

from release.planning.migrations import Told, is_lock_wait, limits, revision_of, told, without_data
from release.stack.migrate import Migrate

MIGRATE = Migrate(("migrate",), ("revision",), ("target",))


@pytest.mark.parametrize(
    ("lines", "revision"),
    [
        ([], ""),
        (["", "  "], ""),
        (["0003 (head)"], "0003"),
        (["0003"], "0003"),
        (["0003 (effective head)"], "0003"),
        (["0003 (head) (mergepoint)"], "0003"),
        # Two branches, in whichever order.
        (["b1 (head)", "a1"], "a1, b1"),
        (["a1", "b1"], "a1, b1"),
        (["\x1b[32m20260101_init\x1b[0m"], "20260101_init"),
        (["shop.0001_initial", "shop.0001_initial"], "shop.0001_initial"),
        (["1 (of 2)"], "1 (of 2)"),
    ],
)
def test_two_images_say_the_same_of_the_same_database(lines: list[str], revision: str) -> None:
    assert revision_of(lines) == revision


def test_a_long_list_is_told_by_its_last_and_a_fingerprint() -> None:
    lines = [f"[X] shop.{number:04}_change" for number in range(90)]
    one, other = revision_of(lines), revision_of(lines[:-1])
    assert one.startswith("90 lines, the last [X] shop.0089_change, fingerprint ") and len(one) < 120
    assert one != other and one == revision_of(reversed(lines))


@pytest.mark.parametrize(
    "line",
    [
        "psycopg.errors.LockNotAvailable: canceling statement due to lock timeout",
        "ERROR:  canceling statement due to lock timeout",
        "error: code 55P03",
        "FEHLER: 55P03",
    ],
)
def test_waiting_for_a_lock_in_vain_is_known(line: str) -> None:
    assert is_lock_wait(["Running upgrade 1 -> 2", line])


def test_other_failures_are_not_tried_again() -> None:
    for line in ("canceling statement due to statement timeout", "deadlock detected", "block of a clock", "155P039"):
        assert not is_lock_wait([line])


ALEMBIC = """\
INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.
INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, a column
INFO  [alembic.runtime.migration] Running upgrade 0002 -> 0003, a table
Traceback (most recent call last):
  File "/app/migrations/versions/0003.py", line 9, in upgrade
    op.execute("...")
psycopg.errors.DuplicateTable: relation "moods" already exists

The above exception was the direct cause of the following exception:

sqlalchemy.exc.ProgrammingError: (psycopg.errors.DuplicateTable) relation "moods" already exists
[SQL:
CREATE TABLE moods (
    id INTEGER
)

]
(Background on this error at: https://sqlalche.me/e/20/f405)
"""
DJANGO = """\
Running migrations:
  Applying shop.0001_initial... OK
  Applying shop.0002_mood...
django.db.utils.ProgrammingError: column "mood" of relation "shop_post" already exists
"""
PRISMA = """\
2 migrations found in prisma/migrations
Applying migration `20260102_mood`
Error: P3018

A migration failed to apply. New migrations cannot be applied before the error is recovered from.

Migration name: 20260102_mood

Database error code: 42701

Database error:
ERROR: column "mood" of relation "Post" already exists
"""
PSQL = """\
psql:/app/0002.sql:3: ERROR:  column "mood" of relation "posts" already exists
LINE 1: ALTER TABLE posts ADD COLUMN mood text
"""
DBMATE = """\
Applying: 20260102_mood.sql
Error: pq: column "mood" already exists
"""


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (
            ALEMBIC,
            Told(
                "0003",
                "CREATE TABLE moods ( id INTEGER )",
                'sqlalchemy.exc.ProgrammingError: (psycopg.errors.DuplicateTable) relation "moods" already exists',
            ),
        ),
        (
            DJANGO,
            Told(
                "shop.0002_mood",
                "",
                'django.db.utils.ProgrammingError: column "mood" of relation "shop_post" already exists',
            ),
        ),
        (PRISMA, Told("20260102_mood", "", 'ERROR: column "mood" of relation "Post" already exists')),
        (
            PSQL,
            Told(
                "",
                "ALTER TABLE posts ADD COLUMN mood text",
                'psql:/app/0002.sql:3: ERROR:  column "mood" of relation "posts" already exists',
            ),
        ),
        (DBMATE, Told("20260102_mood.sql", "", 'Error: pq: column "mood" already exists')),
        ("it said this\nand that\n\n", Told("", "", "and that")),
        ("", Told()),
    ],
    ids=["alembic", "django", "prisma", "psql", "dbmate", "another", "nothing"],
)
def test_a_failure_says_which_migration_which_statement_and_why(printed: str, expected: Told) -> None:
    assert told(printed.splitlines()) == expected


def test_a_statement_is_bounded() -> None:
    found = told(["[SQL: INSERT " + "x" * 5000 + "]", "ERROR: no"])
    assert len(found.statement) == 401 and found.statement.endswith("…")
    assert len(told([f"[SQL: {'y' * 10}", *["z" * 50] * 1000]).statement) == 401


def test_the_sentence_leaves_out_what_nobody_knows() -> None:
    assert Told("2", "DROP TABLE a", "no").sentence == "migration 2, statement DROP TABLE a: no"
    assert (Told("2", "", "no").sentence, Told("", "", "no").sentence, Told().sentence) == ("migration 2: no", "no", "")


def test_rows_that_an_error_quotes_are_left_out() -> None:
    lines = [
        "ERROR: duplicate key",
        "DETAIL:  Key (email)=(kim@alumni.example) already exists.",
        "[parameters: ('kim',)]",
    ]
    assert "kim" not in " ".join(without_data(lines)) and without_data(lines)[0] == lines[0]
    assert told(lines).error == "ERROR: duplicate key"
    assert told(lines[1:]).error == ""


def test_limits_are_in_milliseconds_behind_what_is_there_already() -> None:
    ours = "-c lock_timeout=3000 -c statement_timeout=60000"
    assert limits(MIGRATE, {"A": "1"}, {}) == {"init": True, "environment": {"A": "1", "PGOPTIONS": ours}}
    of_values = limits(MIGRATE, {}, {"PGOPTIONS": "-c a=$1"})
    assert of_values["environment"] == {"PGOPTIONS": f"-c a=$$1 {ours}"}
    both = limits(MIGRATE, {"PGOPTIONS": "-c b=2"}, {"PGOPTIONS": "-c a=1"})
    assert both["environment"] == {"PGOPTIONS": f"-c b=2 {ours}"}
