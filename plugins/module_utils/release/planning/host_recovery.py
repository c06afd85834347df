# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a lost host comes back, in which order, and what is said of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence

from ..errors import Problem
from ..hints import hint
from ..releases.history import when
from ..releases.host_recovery import Copy, Deployed, HostRecovery, Known
from ..releases.release import Entry
from ..stack.model import Stack
from .backups.copies import tag
from .backups.schedule import Task
from .databases.clusters import cluster_name

#: Of a stack's state, what is taken from the copy. The rest is provisioning's, of this host alone, or output: values,
#: routes, journals and records of what ran on the host that is gone.
STATE = frozenset(
    (
        *("releases", "keys", "flags", "secrets.json", "networks.json", "databases.json", "schemas.json"),
        *("jobs.json", "replicas.json", "rehearsals.json"),
        *("backups.json", "restore_points.json", "restores.json", "drills.json"),
    )
)
#: Gates of a promote that judge what was before, or wait: what is promoted was in production already.
SKIPPED = ("backups", "soak_time", "promote_window")
PASSPHRASE = "postgresql_backup_passphrase"
CHECK = "check postgresql_backup_directory, postgresql_backup_bucket and postgresql_backup_passphrase"


def confirmed(confirm: str, host: str) -> list[Problem]:
    if confirm == host:
        return []
    return [Problem(f"bringing back {host} is not confirmed", "confirm", hint("recover_host", confirm=host))]


def no_passphrase() -> Problem:
    fix = "give the one that you have kept elsewhere: without it nobody can read a backup"
    return Problem("nobody says with which passphrase the backups are encrypted", PASSPHRASE, fix)


def not_empty(stack: str, releases: int, clusters: Iterable[str], volumes: Iterable[str]) -> list[Problem]:
    """What is there already, and would be mixed with what comes back."""
    found = [f"{releases} releases"] if releases else []
    found += [f"cluster {name}" for name in clusters] + [f"volume {name}" for name in volumes]
    if not found:
        return []
    fix = f"begin with an empty VM; to bring back a database where it is: {hint('restore')}"
    return [Problem("this host is not empty: it has " + ", ".join(found), f"stack {stack}", fix)]


def newest(copies: Iterable[Copy]) -> dict[str, Copy]:
    """The newest copy of each thing."""
    return {copy.tag: copy for copy in sorted(copies, key=lambda copy: copy.at)}


def wanted(tasks: Iterable[Task]) -> list[str]:
    """The tags of files that a stack wants back: volumes first, for a SQLite file lies in one."""
    mine = [task for task in tasks if task.environment and task.kind == "copy"]
    return [tag(task.thing) for task in sorted(mine, key=lambda task: task.what != "volume")]


def live(known: Known, environment: str) -> Entry | None:
    """What was live, by the history alone."""
    mine = [one for one in known.entries if one.release.environment == environment and one.status == "live"]
    return max(mine, key=when, default=None)


def deployed(entry: Entry | None) -> tuple[Deployed, ...]:
    """The commits that brought what ran: all apps of one, then those of another."""
    if entry is None:
        return ()
    release, others = entry.release, dict[str, list[str]]()
    for app, commit in release.commits.items():
        if commit and commit != release.commit:
            others.setdefault(commit, []).append(app)
    more = [Deployed(commit, tuple(sorted(apps))) for commit, apps in sorted(others.items())]
    return (Deployed(release.commit), *more)


def is_ahead(stack: Stack, commits: tuple[str, str], clusters: Iterable[str]) -> bool:
    """Whether staging has had a later commit than production, and its databases know that: what production ran is
    deployed on them first, and finds more than its code brings."""
    here = [one.name for one in stack.databases_in("staging").values() if one.is_here]
    came = {cluster_name(stack.name, "staging", name) for name in here} & set(clusters)
    staging, production = commits
    return bool(staging and production) and staging != production and (bool(came) or not here)


def deploys(record: HostRecovery) -> list[dict[str, object]]:
    """What is deployed to staging, in order."""
    found: list[dict[str, object]] = []
    for stack in record.stacks:
        steps = stack.production or ((Deployed(stack.staging),) if stack.staging else ())
        found += [
            {"stack": stack.name, "version": one.commit, "apps": list(one.apps), "keep_schema": stack.is_ahead}
            for one in steps
        ]
    return found


def promotes(record: HostRecovery) -> list[str]:
    """The stacks that were in production."""
    return [stack.name for stack in record.stacks if stack.production]


def lines(record: HostRecovery, now: float) -> list[str]:
    """What comes back, or has come back, from when, and what is lost."""
    said = []
    for stack in record.stacks:
        ran = f"production ran {stack.release}" if stack.release else "production had no release"
        said.append(f"{stack.name}: its state of {moment(stack.state.at)}, {_ago(stack.state.at, now)}; {ran}")
        for name, cluster in stack.clusters.items():
            until = record.until.get(name)
            came = f"it came back until {moment(until)}" if until else "what is archived after it comes back too"
            took = _took(record, name)
            begin = f"backup {cluster.label} of {moment(cluster.at)}, then its log"
            said.append(f"   database {name}: {begin}; {came}{took}")
        for name, copy in stack.files.items():
            took = _took(record, f"{stack.name} {name}")
            said.append(f"   {name.replace('/', ' ')}: copy of {moment(copy.at)}, {_ago(copy.at, now)}{took}")
        said.append("   what was written after these moments is lost; of files, what changed since their copy")
    return said


def empty(stack: Stack, tasks: Sequence[Task], found: Mapping[str, object]) -> list[str]:
    """What is to be backed up and has no backup yet, so that it begins empty."""
    things = {tag(task.thing): task.thing for task in tasks if task.environment}
    missing = [thing for name, thing in things.items() if name not in found]
    return [f"{stack.name}: {thing} has no backup, and begins empty" for thing in missing]


def following(record: HostRecovery, hosts: Sequence[str]) -> list[str]:
    """What a person does next."""
    names = f" of {', '.join(hosts)}" if hosts else ""
    return [
        *(
            f"{stack.name}: staging ran another commit: "
            + hint("deploy_staging", stack=stack.name, version=stack.staging[:12])
            for stack in record.stacks
            if stack.staging and stack.production and stack.staging != stack.production[0].commit
        ),
        "no release of before has its images: a rollback is possible again after the next promote",
        f"if the address is another one, change the DNS{names}; certificates are as on any new host",
        f"{hint('backup', kind='full')} makes a backup that needs none of the host before",
    ]


def moment(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _ago(at: float, now: float) -> str:
    minutes = max(0, round((now - at) / 60))
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"


def _took(record: HostRecovery, what: str) -> str:
    return f", in {record.done[what]:.0f} s" if what in record.done else ""
