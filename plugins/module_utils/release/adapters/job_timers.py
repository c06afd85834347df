# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's timers of jobs: for each job with a schedule of a live release one unit that fires and one that runs it.

They are files, so that a reboot keeps them and systemd knows which time it missed meanwhile. What is run is asked of
the live release when it fires: the files hold nothing but the schedule.
"""

from __future__ import annotations

import datetime
import glob
import os
import re
import subprocess
from collections.abc import Mapping, Sequence

from ..errors import OperationError
from ..hints import host_command
from ..paths import COMMAND, SYSTEMD_UNITS
from ..stack.model import EnvironmentName
from ..util.files import read, write_atomically

#: The longest that a job may take to end on SIGTERM, and then some.
STOP_SECONDS = 720
_TIMER = """# Written by the release engine: the schedule of the live release.
[Unit]
Description=Job {job} of {stack} {environment}

[Timer]
OnCalendar={schedule}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""
# Mixed: on its way out the engine stops the container itself, and needs its helpers for that.
_SERVICE = """# Written by the release engine.
[Unit]
Description=Job {job} of {stack} {environment}
After=docker.service haproxy.service onehost-boot.service
Wants=docker.service

[Service]
Type=oneshot
ExecStart={command} jobs --stack {stack} --environment {environment} --scheduled {job}
TimeoutStartSec=infinity
TimeoutStopSec={stop_seconds}s
KillMode=mixed
"""
_TIME = re.compile(r"(?:Next elapse|Iter\. #\d+): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC$")


class JobTimers:
    """The timers of jobs on this host."""

    def __init__(self, units: str = SYSTEMD_UNITS) -> None:
        self.units = units

    def provide(self, stack: str, environment: EnvironmentName, schedules: Mapping[str, str]) -> bool:
        """Have these jobs run by these schedules, and no others. Returns whether anything was changed."""
        wanted = {_unit(stack, environment, job): (job, schedule) for job, schedule in schedules.items()}
        found = [os.path.basename(path) for path in glob.glob(self._path(_unit(stack, environment, "*")))]
        gone = sorted(set(found) - set(wanted))
        texts = {
            name: _TIMER.format(stack=stack, environment=environment, job=job, schedule=schedule).encode()
            for name, (job, schedule) in wanted.items()
        }
        waiting = self._active(list(wanted))
        new = [name for name in wanted if name not in waiting or read(self._path(name)) != texts[name]]
        if not gone and not new:
            return False
        for name in gone:
            _systemctl("disable", "--now", name)
            for path in (self._path(name), self._path(_service(name))):
                if os.path.exists(path):
                    os.unlink(path)
        for name in new:
            job = wanted[name][0]
            text = _SERVICE.format(
                stack=stack, environment=environment, job=job, command=COMMAND, stop_seconds=STOP_SECONDS
            )
            write_atomically(self._path(_service(name)), text.encode(), 0o644)
            write_atomically(self._path(name), texts[name], 0o644)
        _systemctl("daemon-reload")
        if new:
            # When it fired last was by another schedule: by this one it would seem to be late already.
            _systemctl("stop", *new)
            _systemctl("clean", "--what=state", *new)
            _systemctl("enable", "--now", *new)
        return True

    def upcoming(self, schedule: str, after: float, number: int) -> list[float]:
        """The next times of a schedule after a moment. Raises OperationError if systemd does not take it."""
        base = f"--base-time=@{after:.0f}"
        done = _run(["systemd-analyze", "calendar", f"--iterations={number}", base, schedule])
        if done.returncode != 0:
            raise OperationError("systemd does not take the schedule", schedule, _last_line(done))
        lines = (_TIME.search(line.strip()) for line in done.stdout.splitlines())
        return [_seconds(match[1]) for match in lines if match]

    def _active(self, names: Sequence[str]) -> set[str]:
        """Those of these timers that wait for their time."""
        if not names:
            return set()
        states = _run(["systemctl", "is-active", *names]).stdout.splitlines()
        return {name for name, state in zip(names, states, strict=False) if state == "active"}

    def _path(self, name: str) -> str:
        return os.path.join(self.units, name)


def _unit(stack: str, environment: EnvironmentName, job: str) -> str:
    # No name has an underscore, so no two of these are the same.
    return f"onehost-job-{stack}_{environment}_{job}.timer"


def _service(timer: str) -> str:
    return timer.removesuffix(".timer") + ".service"


def _systemctl(*words: str) -> None:
    done = _run(["systemctl", *words])
    if done.returncode != 0:
        what = "the timers of jobs could not be set"
        raise OperationError(what, f"systemctl {' '.join(words)}", _last_line(done), host_command("systemctl status"))


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # In UTC, which it says then.
    plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=plain, check=False
    )


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["no output"])[-1]


def _seconds(text: str) -> float:
    return datetime.datetime.strptime(f"{text} +0000", "%Y-%m-%d %H:%M:%S %z").timestamp()
