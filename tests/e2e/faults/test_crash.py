"""kill -9 at every step of the journal, before and after it, within steps, at random moments, and in the recovery."""

from __future__ import annotations

import random

import pytest
from support.faults import LONG, MOMENTS, SHORT, Faults, push

pytestmark = pytest.mark.fault

#: Between two effects of one step: a half-written release, one of two tags moved, the switch's file without its
#: memory, one of two statuses.
WITHIN = ("record:half", "start:half", "tags:half", "switch:file", "statuses:half", "stop:half")
#: A rollback writes no release and starts kept containers without Compose.
NOT_IN_A_ROLLBACK = ("record:half", "start:half")
#: Where a rollback is killed in any case: before, at, and after the switch, and half-way through what is not one act.
IN_SHORT = ("plan", "start:done", "tags:half", "switch:file", "switch:done", "statuses:half", "stop:half")
BUILDING = ("fetch:begun", "fetch:done", "build:begun", "build:done")
#: Where the operation is killed, and where its recovery is killed too.
RECOVERING = [
    ("healthy:done", "recover"),
    ("tags:done", "back:begun"),
    ("tags:done", "back:done"),
    ("switch:done", "statuses:begun"),
    ("confirm:done", "stop:begun"),
]
RANDOM = range(20 if LONG else 3)
LONGEST_OPERATION = 1.6


def assert_one_whole_release(faults: Faults) -> None:
    """Before anything was fixed: every app answers, and all name the same release."""
    answers = [faults.lab.get("production", path, {"Host": faults.host_name}) for path in faults.apps.values()]
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert len({answer.release for answer in answers} | {answer.json()["release"] for answer in answers}) == 1


def is_tried(moment: str, operation: str) -> bool:
    """A step's begin is the end of the one before: a rollback is killed at the ends alone, unless all is wanted."""
    if operation == "rollback" and moment in NOT_IN_A_ROLLBACK:
        return False
    if SHORT:
        return not moment.endswith(":begun") and (operation == "promote" or moment in IN_SHORT)
    return LONG or operation == "promote" or not moment.endswith(":begun")


# Promote and rollback in turn: each case begins with what the one before left, so that nothing is set up for it.
@pytest.mark.parametrize(
    ("moment", "operation"),
    [
        (moment, operation)
        for moment in [*MOMENTS, *WITHIN]
        for operation in ("promote", "rollback")
        if is_tried(moment, operation)
    ],
)
def test_killed(faults: Faults, moment: str, operation: str) -> None:
    goal = begin(faults, operation)
    with faults.case(f"{operation} killed", moment) as case:
        faults.kill_at(moment, operation)
        assert_one_whole_release(faults)
        # Undone and done again, or finished and then nothing left to do: the same images either way.
        case.recovered(faults.onehost(operation).stdout)
        assert faults.images("production") == goal
        if LONG:
            there_and_back(faults, operation)


def begin(faults: Faults, operation: str) -> dict[str, str]:
    """Bring about what the operation needs. Returns the images that it is to bring."""
    if operation == "promote":
        faults.promotable()
        return faults.images("staging")
    faults.revertible()
    images: dict[str, str] = faults.look()["releases"][faults.rollback_target()]["images"]
    return images


def there_and_back(faults: Faults, operation: str) -> None:
    """The next promote and the next rollback work."""
    faults.consistent()
    for following in ("rollback", "promote") if operation == "promote" else ("promote", "rollback"):
        goal = begin(faults, following)
        faults.onehost(following)
        assert faults.images("production") == goal


@pytest.mark.parametrize("moment", [*BUILDING, *MOMENTS, *WITHIN] if LONG else ["build:done", "switch:done"])
def test_deploy(faults: Faults, moment: str) -> None:
    version = faults.other_version()
    with faults.case("deploy killed", moment) as case:
        faults.kill_at(moment, "deploy", "--version", version)
        assert_one_whole_release(faults)
        case.recovered(faults.onehost("deploy", "--version", version).stdout)
        assert faults.live("staging").endswith(faults.commits[version][:7])


@pytest.mark.parametrize("operation", ["promote", "rollback"])
@pytest.mark.parametrize(
    "moment",
    [f"{step}:{when}" for step in ("pause", "switch", "resume", "confirm") for when in ("begun", "done")]
    if LONG
    else ["pause:done", "resume:begun"],
)
def test_what_must_never_run_twice(single: Faults, operation: str, moment: str) -> None:
    """Its requests are held, not lost, if recovery comes within the time that the switch holds them."""
    begin(single, operation)
    with single.case(f"{operation} killed, stop_first", moment) as case:
        single.kill_at(moment, operation)
        case.recovered(single.onehost("recover").stdout)
        there_and_back(single, operation)


def test_what_has_connected_is_not_reset(single: Faults) -> None:
    """An app that is slow to accept connections always has some of them waiting, also when it is told to stop."""
    single.commits["slow"] = push(single.lab, "slow", {"accept_seconds": 0.01})
    single.onehost("deploy", "--version", "slow")
    with single.case("stopped", "connections that it has not accepted") as case:
        single.onehost("promote")
        for operation in ("rollback", "promote", "rollback"):
            begin(single, operation)
            single.onehost(operation)
        case.found = "no connection is reset"


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
        there_and_back(faults, "promote" if case.row.outcome == "as after" else "rollback")


@pytest.mark.parametrize("number", RANDOM)
def test_random_moment(faults: Faults, number: int) -> None:
    """At any moment at all, with whatever Docker was doing for the operation going on without it."""
    seconds = random.Random(number).uniform(0.05, LONGEST_OPERATION)
    operation = ("promote", "rollback")[number % 2]
    goal = begin(faults, operation)
    with faults.case(f"{operation} killed at random", f"no. {number}") as case:
        faults.operate(f"after:{seconds:.3f}", operation, kill=True)
        assert_one_whole_release(faults)
        unfinished = faults.look()["unfinished"]
        text = faults.onehost(operation).stdout
        if unfinished:
            case.recovered(text)
        else:
            case.found = "killed before its begin or after its end"
        assert faults.images("production") == goal
        there_and_back(faults, operation)
