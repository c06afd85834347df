# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that people can type: playbooks with their options, and the verbs that do the same on the host.

What reads a command line, and what tells people to type one, has its names from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """Something that can be typed: as a playbook, as a verb of `onehost`, as a verb of `onehost-control`."""

    #: The playbook's name without its ending, and the options that it takes with -e.
    playbook: str = ""
    options: tuple[str, ...] = ()
    #: The verb of `onehost`; its module in entrypoints/commands; its line in `onehost --help`.
    verb: str = ""
    module: str = ""
    help: str = ""
    #: The verb of `onehost-control`, which the role for a control node installs, and its line there if it differs.
    control_verb: str = ""
    control_help: str = ""
    #: Whether both verbs take the same words.
    alike: bool = True


_OPERATION = ("stack", "apps", "reason", "lock_wait", "release_watch_seconds")

TABLE = (
    Command(
        "deploy_staging",
        (*_OPERATION, "version", "rebuild"),
        *("deploy", "operate", "deploy to staging"),
        *("deploy", "bring a commit live in staging"),
    ),
    Command(
        "promote",
        (*_OPERATION, "skip_gates"),
        *("promote", "operate", "promote to production"),
        *("promote", "bring staging's images live in production"),
    ),
    Command(
        "rollback",
        (*_OPERATION, "release", "secrets", "database", "confirm"),
        *("rollback", "operate", "go back to the previous release"),
        *("rollback", "go back to an earlier release"),
    ),
    Command(
        "services",
        ("stack", "where", "reason", "lock_wait"),
        *("services", "services", "change what runs beside the apps", "services"),
    ),
    Command(
        "jobs",
        ("stack", "where", "run", "suspend", "resume", "history", "reason", "lock_wait"),
        *("jobs", "jobs", "list jobs, run, suspend and resume them", "jobs"),
    ),
    Command(
        "maintenance",
        ("stack", "where", "state", "ends", "app", "route", "allow", "reason"),
        *("maintenance", "maintenance", "close a part for visitors for a while", "maintenance"),
    ),
    Command(
        "scale",
        ("stack", "app", "replicas", "where", "reason", "lock_wait"),
        *("scale", "scale", "give an app more or fewer containers", "scale"),
    ),
    # The playbook's command is one text and the verb's are words, so that neither is told in place of the other.
    Command("run", ("stack", "app", "command", "where", "release", "reason", "timeout_seconds")),
    Command(verb="run", module="by_hand", help="run a command in a new container of a release"),
    Command(verb="exec", module="by_hand", help="run a command in a container that runs"),
    Command(verb="runs", module="runs", help="what was run, by whom, and how it ended"),
    Command("status", ("stack",), *("status", "status", "what is live and what a rollback would do", "status")),
    Command(
        "logs",
        ("stack", "app", "where", "release", "since", "grep", "lines"),
        *("logs", "logs", "what apps, services, jobs and builds have written", "logs"),
        alike=False,
    ),
    Command(
        "rehearse",
        ("stack", "again"),
        *("rehearse", "rehearse", "try on a copy what a promote would migrate", "rehearse"),
    ),
    Command("drift", ("stack", "version"), *("drift", "drift", "compare the source with the inventory", "drift")),
    Command(
        "verify",
        ("stack", "where", "real"),
        *("verify", "verify", "ask what the outside was promised", "verify"),
    ),
    Command(
        "restore",
        ("stack", "where", "database", "at", "point", "release", "into", "confirm", "drop", "reason", "lock_wait"),
        *("restore", "restore", "bring a database back to a moment", "restore"),
    ),
    Command(
        "drill",
        ("stack", "where", "database", "lock_wait"),
        *("drill", "drill", "restore the newest backup beside what runs, and check it", "drill"),
    ),
    Command("recover_host", ("confirm",)),
    Command("recover", ("stack",), *("recover", "recover", "finish or undo what was interrupted", "recover")),
    Command(
        "backup",
        ("stack", "where", "kind", "lock_wait"),
        *("backup", "backup", "back up now, or show how old backups are", "backup"),
    ),
    Command(verb="maps", module="maps", help="make the router's maps whole, before HAProxy starts"),
    Command(verb="cool", module="expire_standby", help="stop slots whose warm time is over"),
    Command(
        verb="end-overlap",
        module="end_grace_period",
        help="end the grace period of a key rotation when its time is over",
    ),
    Command(verb="end-maintenance", module="end_maintenance", help="forget maintenance whose time is over"),
    Command(verb="certificates", module="certificates", help="load the certificates that were renewed on this host"),
    Command(verb="page", module="page", help="write the status pages, as a timer does every minute"),
    Command(
        "cleanup",
        ("lock_wait", "free_gb", "free_percent"),
        *("cleanup", "cleanup", "remove what nothing needs until enough space is free"),
        *("cleanup", "free disk space"),
    ),
    Command(verb="notify", module="notify", help="send a test message to all notification targets"),
    Command("check_config", ("stack", "where"), control_verb="check-config", control_help="check values and keys"),
    Command(
        "flags", ("stack", "flag", "state", "where", "reason"), control_verb="flags", control_help="set a feature flag"
    ),
    Command("import_env", ("common", "staging", "production", "dest", "values")),
    Command("provision", ("stack", "offline")),
    Command("rotate_jwt", ("stack", "state", "overlap_hours", "lock_wait")),
)

#: By the name of the playbook.
COMMANDS: Mapping[str, Command] = {command.playbook: command for command in TABLE if command.playbook}

# As variables `environment` and `until` are words of Ansible's own.
_OTHERWISE = {"where": "environment", "ends": "until"}


def host_option(name: str) -> str:
    """An option of a playbook as verbs spell it, without its hyphens."""
    return _OTHERWISE[name] if name in _OTHERWISE else name.removeprefix("release_").replace("_", "-")
