# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is right about what is live."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from fakes.releases import entry, release

from release.planning.witnesses import Remembered, Statement, Word, judge, restore, sentence
from release.releases.plan import Plan
from release.releases.release import Entry, Live, ReleaseStatus
from release.releases.runtime import Placed
from release.stack.model import Slot

R1, R2 = release(1).id, release(2).id
BLUE, GREEN = Live("blue", R1), Live("green", R2)
DAMAGED = Word(trouble="is empty")


def container(live: Live, state: str = "running") -> Placed:
    return Placed(live.slot, live.release, state)


def heard(**said: Any) -> Statement:
    """All say that the first release is live, in blue, but for what is given."""
    known: dict[str, Any] = {
        "file": Word(BLUE),
        "memory": Word(BLUE),
        "entries": [entry(1, "live")],
        "containers": [container(BLUE)],
        "slots": {"blue": R1},
    }
    return Statement(**{**known, **said})


def test_all_agree() -> None:
    assert judge(heard()).is_unanimous and judge(heard()).live == BLUE
    nothing = judge(Statement(Word(), Word(), [], []))
    assert nothing.is_unanimous and nothing.live is None


LOST: dict[str, Any] = {
    "file": DAMAGED,
    "memory": DAMAGED,
    "entries": [],
    "containers": [],
    "slots": {},
}
SOME_LOST = [names for number in (1, 2, 3) for names in itertools.combinations(LOST, number)]


@pytest.mark.parametrize("lost", SOME_LOST)
def test_whatever_is_lost_the_others_say_it(lost: tuple[str, ...]) -> None:
    """One that says where the release is, is enough."""
    found = judge(heard(**{name: LOST[name] for name in lost}))
    assert found.live == BLUE
    assert (found.file, found.memory) == ("file" in lost, "memory" in lost)


@pytest.mark.parametrize("names", SOME_LOST)
def test_the_emptiest_is_never_taken_for_the_truth(names: tuple[str, ...]) -> None:
    """That nothing is live is said by no one who may only have forgotten it."""
    said = {"file": Word(), "memory": Word(), "entries": [entry(1, "previous")], "containers": [], "slots": {}}
    assert judge(heard(**{name: said[name] for name in names})).live == BLUE


def test_before_haproxy_and_docker_run() -> None:
    """At boot the map is made anew from the history alone, and the files of the slots say where the release is."""
    found = judge(Statement(DAMAGED, None, [entry(1, "previous"), entry(2, "live")], None, {"blue": R1, "green": R2}))
    assert found.live == GREEN and found.file and not found.memory


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"file": Word(GREEN)}, "the map file says green/"),
        ({"memory": Word(GREEN)}, "HAProxy's memory says green/"),
        ({"entries": [entry(1, "previous"), entry(2, "live")]}, f"the history says {R2}"),
    ],
)
def test_two_against_one(odd: Mapping[str, Any], said: str) -> None:
    """Both releases run, as while one is kept warm."""
    known = {"entries": [entry(1, "live"), entry(2, "previous")], **odd}
    found = judge(heard(containers=[container(BLUE), container(GREEN)], slots={"blue": R1, "green": R2}, **known))
    assert found.live == BLUE and said in sentence(found)
    assert sentence(found).endswith(f"; {BLUE} is live")


def test_what_runs_comes_first() -> None:
    """Router and file may say what they like: nobody answers there."""
    both = [container(BLUE, "exited"), container(GREEN)]
    found = judge(heard(entries=[entry(1, "previous"), entry(2, "live")], containers=both))
    assert found.live == GREEN and found.file and found.memory and not found.statuses


def test_a_tie_is_decided_by_what_visitors_get() -> None:
    found = judge(heard(file=Word(GREEN), entries=[], containers=[container(BLUE), container(GREEN)]))
    assert found.live == BLUE


def test_the_history_follows() -> None:
    known = [entry(1, "previous"), entry(2, "live")]
    found = judge(heard(entries=known, slots={"blue": R1}))
    assert found.statuses == {R1: "live", R2: "previous"}
    assert {e.release.id: e.status for e in found.apply(known)} == found.statuses


def test_two_are_live_in_the_history() -> None:
    assert judge(heard(entries=[entry(1, "live"), entry(2, "live")])).statuses == {R2: "previous"}


@pytest.mark.parametrize("status", ["failed", "rolled_back", "prepared"])
def test_what_was_given_up_is_not_live_because_somebody_started_it(status: ReleaseStatus) -> None:
    found = judge(Statement(Word(), Word(), [entry(1, status)], [container(BLUE)]))
    assert found.live is None and not found.file


def test_what_nobody_finishes_has_failed() -> None:
    found = judge(heard(entries=[entry(1, "live"), entry(2, "prepared")]))
    assert found.statuses == {R2: "failed"} and found.live == BLUE
    assert f"{R2} is being released, but no operation does that" in sentence(found)


# What journals remember


def remembered(
    number: int, *, slot: Slot = "blue", succeeded: bool = True, name: str = "", statuses: Any = None
) -> Remembered:
    made = release(number)
    plan = Plan(
        "promote", "shop", "production", made, True, slot, None, "create", statuses=statuses or {made.id: "live"}
    )
    return Remembered(name or f"2026010{number}", plan, succeeded, f"2026010{number}T000000Z")


def test_a_release_is_restored_from_its_journal() -> None:
    journals = [remembered(1), remembered(2, statuses={R2: "live", R1: "previous"})]
    for lost in (1, 2):
        kept = [entry(number, "live") for number in (1, 2) if number != lost]
        found = {e.release.id: e for e in restore(kept, [R1, R2], journals)}
        assert found[release(lost).id].release == release(lost)
        assert found[release(lost).id].status == ("previous" if lost == 1 else "live")
    assert restore([entry(2, "live")], [R1, R2], []) == [entry(2, "live")], "no journal of it is left"


def test_a_status_is_what_the_last_journal_says() -> None:
    unknown = [Entry(release(1), "unknown"), entry(2, "live")]
    back = remembered(2, statuses={R1: "live", R2: "rolled_back"}, name="20260103")
    assert restore(unknown, [R1, R2], [remembered(1), back])[0].status == "live"
    again = remembered(2, statuses={R2: "live", R1: "previous"}, name="20260103")
    assert restore(unknown, [R1, R2], [remembered(1), again])[0] == Entry(
        release(1), "previous", "20260102T000000Z", "promote", "20260103"
    )
    assert restore(unknown, [R1, R2], [remembered(1, succeeded=False)])[0].status == "failed"


def test_a_status_that_no_journal_knows() -> None:
    """A person may name it for a rollback; none goes there by itself. If the map names it, it is live."""
    unknown = [Entry(release(1), "unknown"), entry(2, "previous")]
    assert restore(unknown, [R1, R2], [])[0].status == "rolled_back"
    assert restore(unknown, [R1, R2], [], [R1])[0].status == "live"
