# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd does for databases with backups: a heartbeat each minute, a drill each month. Texts of units, pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...paths import COMMAND
from ...stack.model import EnvironmentName
from .stanzas import BackedUp

#: Units that begin so are these, and no others.
PREFIXES = ("onehost-heartbeat.", "onehost-drill-")
HEAD = "# Written by onehost; changes here are lost.\n"
#: Longer than any backup is kept as a rule; a row is 40 bytes.
KEPT_DAYS = 40
BEAT = (
    "INSERT INTO onehost.heartbeat DEFAULT VALUES; "
    f"DELETE FROM onehost.heartbeat WHERE at < now() - '{KEPT_DAYS}d'::interval"
)


def units(mine: Iterable[tuple[str, BackedUp]]) -> Mapping[str, str]:
    """By name, of the databases of all stacks, each with its stack's name. None without backups."""
    known = list(mine)
    if not known:
        return {}
    found = {"onehost-heartbeat.timer": _every_minute(), "onehost-heartbeat.service": _heartbeat(known)}
    for stack, one in known:
        # What staging has is not what anybody goes back to; a drill of it is carried out when somebody asks.
        if one.environment == "production" and one.database.drill and one.database.drill.monthly:
            name = f"onehost-drill-{one.stanza.name}"
            found[f"{name}.timer"] = _monthly(stack, one, one.database.drill.monthly)
            found[f"{name}.service"] = _drill(stack, one.environment, one)
    return found


def _every_minute() -> str:
    return (
        f"{HEAD}[Unit]\nDescription=Heartbeat of databases, by which restores find moments\n\n"
        "[Timer]\nOnCalendar=minutely\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
    )


def _heartbeat(known: Iterable[tuple[str, BackedUp]]) -> str:
    words = "/usr/bin/psql --no-psqlrc --quiet --dbname=postgres"
    # One that is away holds up no other; its age shows in drills and in the age of its archive.
    lines = "".join(f'ExecStart=-{words} --port={one.stanza.port} "--command={BEAT}"\n' for _stack, one in known)
    return f"{HEAD}[Unit]\nDescription=Heartbeat of databases\n\n[Service]\nType=oneshot\nUser=postgres\n{lines}"


def _monthly(stack: str, one: BackedUp, day: int) -> str:
    return (
        f"{HEAD}[Unit]\nDescription=Restore drill of {one.database.name} of {stack} {one.environment}\n\n"
        f"[Timer]\nOnCalendar=*-*-{day:02} 03:00:00\nRandomizedDelaySec=2h\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _drill(stack: str, environment: EnvironmentName, one: BackedUp) -> str:
    words = f"drill --stack {stack} --environment {environment} --database {one.database.name} --lock-wait 7200"
    return (
        f"{HEAD}[Unit]\nDescription=Restore drill of {one.database.name} of {stack} {environment}\n\n"
        f"[Service]\nType=oneshot\nExecStart={COMMAND} {words}\nNice=10\nIOSchedulingClass=idle\n"
    )
