"""kill -9 at every step of the journal, before and after it, within steps, at random moments, and in the recovery."""

from __future__ import annotations

import random

import pytest
from support.faults import LONG, MOMENTS, Faults

pytestmark = pytest.mark.fault

#: Between two effects of one step: a half-written release, one of two tags moved, the switch's file without its
#: memory, one of two statuses.
WITHIN = ("record:half", "start:half", "tags:half", "switch:file", "statuses:half", "stop:half")
#: A rollback writes no release and starts kept containers without Compose.
WITHIN_ROLLBACK = tuple(moment for moment in WITHIN if moment not in ("record:half", "start:half"))
BUILDING = ("fetch:begun", "fetch:done", "build:begun", "build:done")
#: Where the operation is killed, and where its recovery is killed too.
RECOVERING = [
    ("healthy:done", "recover"),
    ("tags:done", "back:begun"),
    ("tags:done", "back:done"),
    ("switch:done", "confirm:begun"),
    ("confirm:done", "stop:begun"),
]
RANDOM = range(20 if LONG else 3)
LONGEST_OPERATION = 1.6


def assert_one_whole_release(faults: Faults) -> None:
    """Before anything was mended: every app answers, and all name the same release."""
    answers = [faults.lab.get("production", path, {"Host": faults.host_name}) for path in faults.apps.values()]
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert len({answer.release for answer in answers} | {answer.json()["release"] for answer in answers}) == 1


@pytest.mark.parametrize("moment", [*MOMENTS, *WITHIN])
def test_promote(faults: Faults, moment: str) -> None:
    faults.promotable()
    with faults.case("promote killed", moment) as case:
        faults.kill_at(moment, "promote")
        assert_one_whole_release(faults)
        case.recovered(faults.onehost("promote").stdout)
        assert faults.images("production") == faults.images("staging")
        faults.onehost("rollback")


@pytest.mark.parametrize("moment", [*MOMENTS, *WITHIN_ROLLBACK])
def test_rollback(faults: Faults, moment: str) -> None:
    faults.revertible()
    with faults.case("rollback killed", moment) as case:
        target = faults.rollback_target()
        faults.kill_at(moment, "rollback")
        assert_one_whole_release(faults)
        # Undone and done again, or finished and then nothing left to do: the same release either way.
        case.recovered(faults.onehost("rollback").stdout)
        assert faults.live() == target
        faults.promotable()
        faults.onehost("promote")


@pytest.mark.parametrize("moment", [*BUILDING, *MOMENTS, *WITHIN] if LONG else ["build:done", "switch:done"])
def test_deploy(faults: Faults, moment: str) -> None:
    version = faults.other_version()
    with faults.case("deploy killed", moment) as case:
        faults.kill_at(moment, "deploy", "--version", version)
        assert_one_whole_release(faults)
        case.recovered(faults.onehost("deploy", "--version", version).stdout)
        assert faults.live("staging").endswith(faults.commits[version][:7])
    faults.promotable()


@pytest.mark.parametrize("operation", ["promote", "rollback"])
@pytest.mark.parametrize(
    "moment",
    [f"{step}:{when}" for step in ("pause", "switch", "resume", "confirm") for when in ("begun", "done")]
    if LONG
    else ["pause:done", "resume:begun"],
)
def test_what_must_never_run_twice(single: Faults, operation: str, moment: str) -> None:
    """Its requests are held, not lost, if recovery comes within the time that the switch holds them."""
    single.promotable() if operation == "promote" else single.revertible()
    with single.case(f"{operation} killed, stop_first", moment) as case:
        single.kill_at(moment, operation)
        case.recovered(single.onehost("recover").stdout)
    with single.case(f"{operation} killed, stop_first", f"{moment}, then once more"):
        single.promotable()
        single.onehost("promote")


@pytest.mark.parametrize(("moment", "second"), RECOVERING if LONG else RECOVERING[1:4:2])
def test_recovery(faults: Faults, moment: str, second: str) -> None:
    """The recovery itself is killed; the next one takes up what both left."""
    faults.promotable()
    with faults.case("recovery killed", f"{moment}, recovery at {second}") as case:
        faults.kill_at(moment, "promote")
        faults.kill_at(second, "recover")
        assert_one_whole_release(faults)
        assert "unfinished: " in faults.onehost("status").stdout
        case.recovered(faults.onehost("recover").stdout)


@pytest.mark.parametrize("number", RANDOM)
def test_random_moment(faults: Faults, number: int) -> None:
    """At any moment at all, with whatever Docker was doing for the operation going on without it."""
    seconds = random.Random(number).uniform(0.05, LONGEST_OPERATION)
    operation = ("promote", "rollback")[number % 2]
    faults.promotable() if operation == "promote" else faults.revertible()
    with faults.case(f"{operation} killed at random", f"no. {number}") as case:
        faults.operate(f"after:{seconds:.3f}", operation, kill=True)
        assert_one_whole_release(faults)
        unfinished = faults.look()["unfinished"]
        text = faults.onehost(operation).stdout
        if unfinished:
            case.recovered(text)
        else:
            case.found = "killed before its begin or after its end"
        faults.consistent()
        if operation == "promote":
            faults.onehost("rollback")
        else:
            faults.promotable()
            faults.onehost("promote")
