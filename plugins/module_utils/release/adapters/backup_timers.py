# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's timers of backups: one for each stack. They are files, so that a reboot keeps them.

What is due is asked when one fires: the files hold nothing but the name of the stack.
"""

from __future__ import annotations

import os
import subprocess

from ..errors import OperationError
from ..hints import host_command
from ..paths import COMMAND, SYSTEMD_UNITS
from ..util.files import read, write_atomically

#: Often enough to see an archive that nothing reaches; not at the same moment as everything else.
_TIMER = """# Written by onehost.
[Unit]
Description=Backups of {stack}

[Timer]
OnCalendar=*:0/15
RandomizedDelaySec=300
Persistent=true

[Install]
WantedBy=timers.target
"""
_SERVICE = """# Written by onehost.
[Unit]
Description=Backups of {stack} that are due
After=docker.service onehost-boot.service

[Service]
Type=oneshot
ExecStart={command} backup --stack {stack} --due
TimeoutStartSec=infinity
# Of what apps need it takes nothing.
Nice=10
IOSchedulingClass=idle
"""


class BackupTimers:
    """The timers of backups on this host."""

    def __init__(self, units: str = SYSTEMD_UNITS) -> None:
        self.units = units

    def provide(self, stack: str, *, wanted: bool, write: bool) -> bool:
        """Have one, or none. A new one makes the first backup at once. Returns whether that is a change."""
        name = f"onehost-backup-{stack}"
        timer, service = (os.path.join(self.units, f"{name}.{kind}") for kind in ("timer", "service"))
        texts = {
            service: _SERVICE.format(stack=stack, command=COMMAND).encode(),
            timer: _TIMER.format(stack=stack).encode(),
        }
        there = {path: read(path) for path in texts}
        if not wanted:
            if write and there[timer] is not None:
                _systemctl("disable", "--now", f"{name}.timer")
                for path in texts:
                    if os.path.exists(path):
                        os.unlink(path)
                _systemctl("daemon-reload")
            return there[timer] is not None
        if there == texts:
            return False
        if write:
            for path, text in texts.items():
                write_atomically(path, text, 0o644)
            _systemctl("daemon-reload")
            _systemctl("enable", "--now", f"{name}.timer")
            if there[timer] is None:
                _systemctl("start", "--no-block", f"{name}.service")
        return True


def _systemctl(*words: str) -> None:
    done = subprocess.run(["systemctl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        what = "the timer of backups could not be set"
        why = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise OperationError(what, f"systemctl {' '.join(words)}", why, host_command("systemctl status"))
