# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is due, and how old it is."""

from __future__ import annotations

from fakes.stacks import shop_with_backups, shop_with_databases

from release.planning.backups import judged, schedule
from release.releases.backups import Archive, BackupRecord
from release.releases.databases import Kept, Login
from release.stack.reader import read_stack

KEPT = Kept("17", 5433, 1, Login("owner-password", "00"), Login("app-password", "00"))
HERE = {"staging": {"main": KEPT}, "production": {"main": KEPT}}
DAY, NOW = 86_400, 1_000 * 86_400.0
STACK = read_stack("shop", shop_with_backups())
TASKS = [task for task in schedule.tasks(STACK, HERE) if task.environment == "production"]
MAIN = "production database main"


def done(ago: float, failed_at: float = 0.0, why: str = "") -> BackupRecord:
    return BackupRecord(0.0, NOW - ago, failed_at=failed_at, why=why)


def due(records: schedule.Records) -> list[str]:
    return [task.kind for task in schedule.due(TASKS, records, NOW)]


def test_everything_that_says_so_is_backed_up_and_the_state_with_it() -> None:
    definition = shop_with_databases()
    definition["databases"]["lite"]["backup"] = {"incremental": "hourly"}
    definition["volumes"]["uploads"] = {"user": 10001, "backup": True}
    found = [task.key for task in schedule.tasks(read_stack("shop", definition), {})]
    assert found == [
        "staging file lite: copy",
        "staging volume uploads: copy",
        "production file lite: copy",
        "production volume uploads: copy",
        "state shop: copy",
        "state shop: verify",
    ]
    assert [task.kind for task in TASKS] == ["full", "incremental", "dump", "verify"]
    assert schedule.tasks(read_stack("shop", shop_with_databases()), HERE) == []
    assert schedule.tasks(STACK, {}) == [], "there is no cluster yet"


def test_the_first_are_due_at_once_and_a_full_one_is_enough() -> None:
    assert due(schedule.planned(TASKS, {}, NOW)) == ["full", "dump"], "there is nothing to read yet"


def test_what_is_due_by_its_age_a_little_early_by_jitter() -> None:
    known = {f"{MAIN}: {kind}": done(0.0) for kind in ("full", "incremental", "dump", "verify")}
    assert due(known) == []
    assert due({**known, f"{MAIN}: dump": done(0.95 * DAY)}) == ["dump"]
    # A full one counts as an incremental one.
    assert due({**known, f"{MAIN}: incremental": done(3 * DAY)}) == []
    aged = {**known, f"{MAIN}: full": done(3 * DAY), f"{MAIN}: incremental": done(1.1 * DAY)}
    assert due(aged) == ["incremental"]
    assert due({**aged, f"{MAIN}: full": done(7 * DAY)}) == ["full"]
    assert due({**known, f"{MAIN}: verify": done(7 * DAY)}) == ["verify"]
    assert due({**known, f"{MAIN}: dump": BackupRecord(NOW - 99, 0.0, failed_at=NOW - 50, why="x")}) == ["dump"]


def test_what_is_no_more_backed_up_is_forgotten() -> None:
    known = {"staging database old: full": done(1.0), f"{MAIN}: full": done(5.0)}
    found = schedule.planned(TASKS, known, NOW)
    assert set(found) == {task.key for task in TASKS} and found[f"{MAIN}: full"].at == NOW - 5


def told(records: schedule.Records) -> list[str]:
    return [judged.sentence(age) for age in schedule.ages(TASKS, records, NOW)]


def test_ages_as_sentences() -> None:
    known = {f"{MAIN}: full": done(5 * 3600), f"{MAIN}: dump": done(3 * DAY), f"{MAIN}: verify": BackupRecord(NOW - 60)}
    assert told(known) == [
        f"{MAIN}: backup 5 h old",
        f"{MAIN}: dump 3 d old (TOO OLD: at most 2 d)",
        f"{MAIN}: no last read yet",
    ]
    known[f"{MAIN}: verify"] = done(DAY, failed_at=NOW - 60, why="status: error")
    assert told(known)[2] == f"{MAIN}: DAMAGED: status: error"
    known[f"{MAIN}: full"] = BackupRecord(0.0, NOW - 5 * 3600, failed_at=NOW - 3 * 3600, why="away")
    assert told(known)[0] == f"{MAIN}: backup 5 h old, failing since 3 h: away"


def test_an_incremental_one_that_fails_is_told_beside_a_full_one_that_is_newer() -> None:
    full, failing = done(5 * 3600), BackupRecord(0.0, failed_at=NOW - 3600, why="away")
    known = {f"{MAIN}: full": full, f"{MAIN}: incremental": failing}
    assert told(known)[0] == f"{MAIN}: backup 5 h old, failing since 60 min: away"
    known[f"{MAIN}: full"] = done(60)
    assert told(known)[0] == f"{MAIN}: backup 60 s old", "a full one is an incremental one too"


def test_what_was_never_done_is_as_old_as_the_wish() -> None:
    records = schedule.planned(TASKS, {}, NOW - 3 * DAY)
    gate = judged.gate(schedule.ages(TASKS, records, NOW), {}, NOW)
    assert not gate.go and "no backup yet (TOO OLD: at most 2 d)" in gate.evidence
    assert judged.gate(schedule.ages(TASKS, {}, NOW), {}, NOW).go, "it was wanted this moment"


def test_the_gate() -> None:
    known = {f"{MAIN}: {kind}": done(3600.0) for kind in ("full", "dump", "verify")}
    ages = schedule.ages(TASKS, known, NOW)
    assert judged.gate(ages, {MAIN: Archive(True, "x", NOW - 3000)}, NOW).go, "nothing was written meanwhile"
    away = Archive(True, "x", NOW - 1000, NOW - 10, 7)
    gate = judged.gate(ages, {MAIN: away}, NOW)
    assert not gate.go and "nothing has arrived in the archive for 17 min, 7 attempts failed" in gate.evidence
    assert "onehost.release.backup" in gate.fix and not gate.skipped
    assert judged.gate(ages, {MAIN: away}, NOW, ("backups",)).skipped
    assert judged.gate(ages, {MAIN: Archive(True, "x", NOW - 600, NOW - 10, 1)}, NOW).go, "one failed attempt is none"
    assert "it wants a restart" in judged.gate(ages, {MAIN: Archive(False)}, NOW).evidence
    assert not judged.gate(ages, {MAIN: Archive(True, "", 0.0, NOW, 1)}, NOW).go
