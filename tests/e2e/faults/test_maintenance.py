"""A path of production is closed for visitors, and the host breaks under what is done meanwhile."""

from __future__ import annotations

import pytest
from support.faults import Faults
from support.lab import until

pytestmark = pytest.mark.fault

#: Nobody of the load asks for it.
CLOSED = "/closed"
WISH = ("--environment", "production", "--route", CLOSED)


def is_closed(faults: Faults) -> bool:
    return faults.lab.get("production", CLOSED, {"Host": faults.host_name}).status == 503


def close(faults: Faults) -> None:
    faults.onehost("maintenance", *WISH, "--state", "on", "--until", "30m")
    assert is_closed(faults)


def open_again(faults: Faults) -> None:
    faults.onehost("maintenance", *WISH, "--state", "off")
    assert not is_closed(faults)


def test_haproxy_restarted_in_a_promote(faults: Faults) -> None:
    faults.promotable()
    with faults.case("HAProxy restarted", "promote in maintenance", caused=True):
        close(faults)
        faults.operate("switch:begun", "promote", do="systemctl restart haproxy")
        until(faults.answers, 30, "the edge answers again")
        assert is_closed(faults)
        open_again(faults)


def test_reboot(faults: Faults) -> None:
    with faults.case("reboot", "in maintenance", caused=True):
        close(faults)
        faults.lab.reboot()
        until(faults.answers, 60, "production answers after the boot")
        assert is_closed(faults)
        # What recovers at boot takes the locks for a moment.
        until(faults.lab.has_booted, 60, "the services of the boot have ended")
        open_again(faults)


@pytest.mark.parametrize(("moment", "begun"), [("begin", False), ("recorded", True)])
def test_killed_on_its_way(faults: Faults, moment: str, begun: bool) -> None:
    """Whether it has begun is what the record says, and the next operation has the router do that."""
    with faults.case("SIGKILL", f"maintenance at {moment}") as case:
        words = ("maintenance", *WISH, "--state", "on", "--until", "30m")
        faults.kill_at(moment, *words)
        assert not is_closed(faults)
        case.found = faults.onehost("recover").stdout.strip().partition("; ")[2]
        assert is_closed(faults) is begun
        if begun:
            open_again(faults)
