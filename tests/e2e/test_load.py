"""Visitors notice nothing: promotes and rollbacks in a row under load, counted exactly.

The short form is part of `make test`; ONEHOST_LONG=1 makes it 20 promotes and 20 rollbacks at 200 and at 1,000
requests a second.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterator

import pytest
from support import again
from support.faults import LONG, OUTPUT
from support.lab import Lab
from support.load import Load, Target, Window

ROUNDS = 20 if LONG else 3
RATES = (200, 1000) if LONG else (200,)
SOCKETS = 100
PATHS = {"": "/", "saleshub": "/saleshub/", "finhub": "/finhub/", "onboarding": "/onboarding/", "hwtest": "/hwtest/"}
STACK_FILE = "/etc/onehost/stacks/workhub.json"
#: With 100 WebSockets on it the old slot is never free of sessions, so each operation takes this long at least.
DRAIN_SECONDS = 2


@pytest.fixture
def two_versions(released: Lab) -> Iterator[Lab]:
    """A version in staging that production has not; little time for WebSockets to leave by themselves."""
    text = released.ssh(f"cat {STACK_FILE}")
    definition = json.loads(text)
    definition["apps"]["hwtestagent"]["drain_seconds"] = DRAIN_SECONDS
    write(released, json.dumps(definition))
    source = released.read_source("WBSalesHub/src/main.js")
    released.push_commit({"WBSalesHub/src/main.js": source + "// For the load test.\n"}, branch="load")
    released.ssh("sudo onehost deploy --stack workhub --version load --watch-seconds 0", seconds=300)
    try:
        yield released
    finally:
        write(released, text)


def write(lab: Lab, text: str) -> None:
    lab.ssh(f"echo {base64.b64encode(text.encode()).decode()} | base64 --decode | sudo tee {STACK_FILE} > /dev/null")


def targets(port: int) -> list[Target]:
    """Every route, three GETs to one POST."""
    wanted = []
    for name, path in PATHS.items():
        get = Target(f"GET {path}health", port, f"{path}health")
        wanted += [
            get,
            Target(f"GET {path}", port, path),
            get,
            Target(f"POST {name}", port, f"{path}echo", method="POST"),
        ]
    return wanted


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.timeout(1800)
def test_promotes_and_rollbacks_in_a_row(two_versions: Lab, rate: int) -> None:
    lab, port = two_versions, two_versions.ports["production"]
    total, live = Window(), []
    with Load(targets(port), rate, sockets=[Target("ws", port, "/hwtest/ws")] * SOCKETS) as load:
        for _ in range(ROUNDS):
            for operation in ("promote", "rollback"):
                words = shlex.join(again.words_of(operation, "--stack", "workhub", "--watch-seconds", "0"))
                lab.ssh(f"sudo onehost {words}", seconds=300)
                live.append(lab.get("production", "/health").release)
                total += load.take()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"load-{rate}.txt").write_text(f"{rate}/s, {ROUNDS} promotes and {ROUNDS} rollbacks: {total.line()}\n")
    assert total.failed == 0, f"{total.line()}\n{total.failures}"
    assert total.answered == total.sent
    assert total.fresh > 0.4 * total.sent
    assert total.kept_alive > 0.4 * total.sent
    assert set(live) <= set(total.seen(port))
    # Each promote is a release of its own, each rollback brings back the same one.
    assert len(set(live)) == ROUNDS + 1
    sockets = total.sockets
    assert sockets.broken == sockets.mismatches == sockets.refused == 0, sockets
    assert sockets.clean >= SOCKETS * ROUNDS
    assert sockets.echoes > 0
