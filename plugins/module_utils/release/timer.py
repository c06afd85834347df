# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A timer of systemd that stops a slot when its warm time is over."""

from __future__ import annotations

import subprocess

from .errors import OperationFailed

COMMAND = "/usr/local/bin/onehost"


class Timer:
    """systemd on this host."""

    def arm(self, stack: str, environment: str, seconds: float) -> None:
        """Run `onehost cool` after this many seconds; a timer that was armed before is replaced."""
        unit = f"onehost-cool-{stack}-{environment}"
        # Stopping one that is not there is no error worth telling: there usually is none.
        subprocess.run(
            ["systemctl", "stop", f"{unit}.timer"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        when = [f"--on-active={max(1, round(seconds))}s", "--timer-property=AccuracySec=1s"]
        command = ["systemd-run", f"--unit={unit}", "--collect", *when, COMMAND, "cool", "--stack", stack]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OperationFailed(
                "the timer for the warm slot could not be set", unit, done.stderr.strip(), "onehost cool"
            )
