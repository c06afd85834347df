# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd timers: the end of a slot's warm time, of the grace period after a key rotation, and of a maintenance.

They do not survive a reboot; `onehost recover`, which runs at boot, sets them again from the records on disk.
"""

from __future__ import annotations

import math
import subprocess
import time

from ..errors import OperationError
from ..hints import verb_hint
from ..paths import COMMAND
from ..stack.model import EnvironmentName

AGAIN_SECONDS = 60


class Timer:
    """systemd on this host."""

    def arm(self, stack: str, environment: EnvironmentName, seconds: float) -> None:
        """Run `onehost cool` after this many seconds; replaces a timer that was set before."""
        _arm(
            f"onehost-cool-{stack}-{environment}",
            seconds,
            "the timer that stops the warm slot",
            ["cool", "--stack", stack],
        )

    def arm_grace_period(self, stack: str, seconds: float) -> None:
        """Run `onehost end-overlap` after this many seconds, then every minute until it is disarmed, so that one failed
        attempt does not extend the grace period for good."""
        again = f"--on-unit-inactive={AGAIN_SECONDS}s"
        command = ["end-overlap", "--stack", stack]
        _arm(_grace_period_unit(stack), seconds, "the timer for the end of the grace period", command, again)

    def disarm_grace_period(self, stack: str) -> None:
        _stop(_grace_period_unit(stack))


def arm_maintenance(stack: str, environment: EnvironmentName, seconds: float) -> None:
    """Run `onehost end-maintenance` after this many seconds. The end does not depend on it: it tidies up and tells."""
    what = "the timer for the end of the maintenance"
    _arm(_maintenance_unit(stack, environment), seconds, what, ["end-maintenance", "--stack", stack])


def disarm_maintenance(stack: str, environment: EnvironmentName) -> None:
    _stop(_maintenance_unit(stack, environment))


def _maintenance_unit(stack: str, environment: EnvironmentName) -> str:
    return f"onehost-end-maintenance-{stack}-{environment}"


def _grace_period_unit(stack: str) -> str:
    return f"onehost-end-overlap-{stack}"


def _stop(unit: str) -> None:
    # A missing timer is no error worth reporting: there usually is none.
    pattern = f"{unit}:*.timer"
    subprocess.run(["systemctl", "stop", pattern], stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _arm(unit: str, seconds: float, what: str, words: list[str], *more: str) -> None:
    _stop(unit)
    # A new name each time: the unit of the last timer may still be waiting for its turn, or be the caller.
    name = f"{unit}:{time.time_ns()}"
    # Never too early: the command goes by the clock, and would find that the time is not over yet.
    left = max(1, math.ceil(seconds))
    # By the clock too: each daemon-reload of systemd, as an apt upgrade does it, starts counting --on-active anew. The
    # clock alone would not do: a moment that has passed by the time when the timer starts never comes.
    when = [f"--on-active={left}s", *more, f"--on-calendar=@{math.ceil(time.time() + left)}"]
    when.append("--timer-property=AccuracySec=1s")
    command = ["systemd-run", f"--unit={name}", "--collect", *when, COMMAND, *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OperationError(f"{what} could not be set", name, done.stderr.strip(), verb_hint(words[0]))
