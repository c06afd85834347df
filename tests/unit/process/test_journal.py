# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of an operation, on a real disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.docker import HEALTHY
from fakes.releases import release
from fakes.world import World

from release.errors import OperationError
from release.process import journal
from release.releases.plan import Plan

# The journal


def test_journal(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "operations" / "20260101T000000Z-staging-deploy-1.jsonl")
    one = journal.Journal(path, world.clock, {"operation": "deploy"})
    plan = Plan("deploy", "shop", "staging", release(1, "staging"), True, "blue", None, "create")
    one.add("plan", plan=plan.to_json())
    with one.step("start", "start it"):
        one.note("progress")
        world.clock.wait(2)
    with pytest.raises(OperationError), one.step("healthy", "wait"):
        raise OperationError("a", "b", "c")
    one.close()
    one.close()
    record = journal.read(path)
    assert record.header["operation"] == "deploy" and record.plan == plan and not record.is_finished
    assert record.steps == {"start": True, "healthy": False} and one.seconds == {"start": 2.0}
    assert record.header["at"] == world.clock.time - 2
    again = journal.Journal(path, world.clock)
    again.add("end", outcome="undone")
    again.close()
    result = journal.read(path).result
    assert result and result["outcome"] == "undone"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_journal_is_for_root_alone(world: World, tmp_path: Path) -> None:
    """Apps may print secrets that nobody has declared. One that an earlier engine left open to all is mended."""
    folder = tmp_path / "operations"
    folder.mkdir(mode=0o755)
    old = folder / "old.jsonl"
    old.write_text("")
    old.chmod(0o644)
    for path in (old, folder / "new.jsonl"):
        journal.Journal(str(path), world.clock, {"operation": "deploy"}).close()
        assert mode(path) == 0o600
    assert mode(folder) == 0o700


def test_a_journal_is_never_written_through_a_link(world: World, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine\n")
    (tmp_path / "operations").mkdir()
    (tmp_path / "operations" / "one.jsonl").symlink_to(target)
    with pytest.raises(OSError, match=r"one\.jsonl"):
        journal.Journal(str(tmp_path / "operations" / "one.jsonl"), world.clock, {"operation": "deploy"})
    assert target.read_text() == "mine\n"


def test_what_people_read_is_cleaned_but_not_the_plan(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "one.jsonl")
    plan = Plan("deploy", "shop", "staging", release(1, "staging"), True, "blue", None, "create")
    one = journal.Journal(path, world.clock, {"operation": "deploy", "reason": "\x1b[31mx\n"}, redact=str.upper)
    one.note("a note")
    one.add("plan", plan=plan.to_json())
    one.add("end", outcome="failed", message="why")
    one.close()
    record = journal.read(path)
    assert record.plan == plan and record.header["operation"] == "deploy"
    assert record.result and (record.result["outcome"], record.result["message"]) == ("failed", "WHY")
    default = journal.Journal(str(tmp_path / "two.jsonl"), world.clock, {"reason": "\x1b[31mx\ny"})
    default.close()
    assert journal.read(str(tmp_path / "two.jsonl")).header["reason"] == "x y"


def test_check_mode_has_no_journal(world: World, tmp_path: Path) -> None:
    one = journal.Journal(None, world.clock, {"operation": "deploy"})
    with one.step("start", "start it"):
        one.note("x")
    one.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_was_cut_off(world: World, tmp_path: Path, cut: int) -> None:
    """A power cut in the middle of a line: it does not count, and does not swallow the next one."""
    path = tmp_path / "journal.jsonl"
    one = journal.Journal(str(path), world.clock, {"operation": "deploy"})
    one.add("step", step="start", text="start it")
    one.add("done", step="start", seconds=1)
    one.close()
    path.write_bytes(path.read_bytes()[:-cut])
    assert journal.read(str(path)).steps == {"start": cut == 1}
    again = journal.Journal(str(path), world.clock)
    again.add("end", outcome="undone")
    again.close()
    record = journal.read(str(path))
    assert record.is_finished and record.steps["start"] is (cut == 1)


def test_journals_of_an_environment(world: World, tmp_path: Path) -> None:
    assert journal.records("shop", "staging", str(tmp_path)) == []
    folder = journal.directory("shop", str(tmp_path))
    for number, environment in ((1, "staging"), (2, "production"), (3, "staging")):
        path = f"{folder}/2026010{number}T000000Z-{environment}-x-1.jsonl"
        one = journal.Journal(path, world.clock, {"number": number})
        if number == 1:
            one.add("end", outcome="succeeded")
        one.close()
    found = journal.records("shop", "staging", str(tmp_path))
    assert [record.header["number"] for record in found] == [3, 1]
    assert [record.header["number"] for record in journal.unfinished("shop", "staging", str(tmp_path))] == [3]
    assert len(journal.records("shop", "staging", str(tmp_path), newest=1)) == 1
    assert journal.records("shop", "staging", str(tmp_path), newest=0) == []


def test_recovery_says_what_it_found(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.faults.kill_at(1)
    assert world.run("deploy") is None
    world.revive()
    (found,) = world.recover()
    assert found.endswith(" was interrupted at fetch; nothing had been changed") and "staging-deploy" in found
    assert world.recover() == []


# What it is drawn from


def write_journal(world: World, name: str, *lines: str) -> None:
    folder = Path(journal.directory("shop", world.paths.state))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(lines))


def test_a_journal_is_read_at_its_ends_only(world: World) -> None:
    begin, note = '{"event": "begin", "at": 5}\n', json.dumps({"event": "note", "text": "x" * 90}) + "\n"
    end = json.dumps({"event": "end", "at": 9, "outcome": "failed", "message": "y" * 9000}) + "\n"
    write_journal(world, "3Z-staging-deploy-1.jsonl", begin, note * 200, end)
    write_journal(world, "2Z-staging-deploy-1.jsonl", begin, note * 200)
    write_journal(world, "1Z-staging-deploy-1.jsonl", "")
    found = journal.glances("shop", "staging", world.paths.state)
    assert [begin.get("at") for begin, _end in found] == [5, 5, None]
    assert [end and (end["outcome"], len(end["message"])) for _begin, end in found] == [("failed", 9000), None, None]
    assert [Path(r.path).name[0] for r in journal.unfinished("shop", "staging", world.paths.state)] == ["2", "1"]


PLAN = Plan("deploy", "shop", "staging", release(1, "staging"), True, "blue", None, "create")


@pytest.mark.parametrize(
    "damage", ["5", "[]", '{"event": "plan", "plan": {}}', '{"event": "step"}', '{"event": "pl', "\xff"]
)
def test_a_line_that_cannot_be_read(world: World, tmp_path: Path, damage: str) -> None:
    """The others count, and the damage is told; only the last line may be cut off by a kill."""
    path = tmp_path / "one.jsonl"
    one = journal.Journal(str(path), world.clock, {"operation": "deploy"})
    one.add("plan", plan=PLAN.to_json())
    one.close()
    whole = path.read_text()
    path.write_text(whole + damage)
    assert (journal.read(str(path)).damage, journal.read(str(path)).plan) == ("", PLAN)
    path.write_text(f"{whole}{damage}\n")
    record = journal.read(str(path))
    assert record.damage.startswith("line 3: ") and record.plan == PLAN and record.header["operation"] == "deploy"


def test_a_journal_that_is_empty_or_no_file(tmp_path: Path) -> None:
    folder = Path(journal.directory("shop", str(tmp_path)))
    folder.mkdir(parents=True)
    (folder / "20260101T000000Z-staging-deploy-1.jsonl").touch()
    (folder / "20260102T000000Z-staging-deploy-1.jsonl").mkdir()
    (empty,) = journal.unfinished("shop", "staging", str(tmp_path))
    assert empty.damage == "its beginning is missing"
    assert journal.read(str(folder / "20260102T000000Z-staging-deploy-1.jsonl")).damage
    assert journal.glances("shop", "staging", str(tmp_path)) == [({}, None)]
