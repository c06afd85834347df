# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`onehost-control` on the host: the collection's playbooks through ansible-runner, for people without root.

They come here by sudo, so whatever they type is looked at: a closed list of verbs and options, each value against its
pattern. A value reaches Ansible in a file, marked as data, so that it is neither a template nor an option nor a word
of a shell.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import functools
import grp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from release.entrypoints import access, bootstrap
from release.errors import RefusedError
from release.hints import Place, spell
from release.stack.model import Stack
from release.util.printable import clean, is_printable
from release.verbs import TABLE, host_option

SETTINGS = Path("/etc/onehost/control/settings.json")
#: On tmpfs: needed for as long as a run lasts, and there is room when the disk is full.
TEMPORARY = Path("/run/onehost")
#: Less than this where the artifacts go, and a run would break off half-way for want of it.
ROOM_BYTES = 20_000_000


@dataclass(frozen=True)
class Option:
    """One option of a verb: Ansible's name of it, and what a whole value looks like. No pattern: it takes no value."""

    variable: str
    pattern: str
    help: str


NAMES = r"[A-Za-z0-9][A-Za-z0-9_.-]*(, ?[A-Za-z0-9][A-Za-z0-9_.-]*)*"
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
#: What people write for others to read. Printable, see `value_of`.
TEXT = r".{0,500}"

OPTIONS = {
    "stack": Option("stack", NAME, "required when the host has several"),
    "apps": Option("apps", NAMES, "only these apps, separated by commas"),
    "reason": Option("reason", TEXT, "kept in the history"),
    "lock-wait": Option("lock_wait", r"[0-9]{1,6}(\.[0-9]+)?", "seconds to wait for another operation"),
    "watch-seconds": Option("release_watch_seconds", r"[0-9]{1,6}", "how long to watch the new release"),
    "version": Option("version", r"[A-Za-z0-9][A-Za-z0-9_./@+^~-]*", "branch, tag or commit"),
    "rebuild": Option("rebuild", "", "build every app without the cache"),
    "skip-gates": Option("skip_gates", NAMES, "gates to skip, separated by commas; recorded in the history"),
    "release": Option("release", NAME, "a release of the history"),
    "secrets": Option("secrets", r"today|release", "today or release"),
    "database": Option("database", NAME, "which database; of a rollback: keep or downgrade, for a newer schema"),
    "at": Option("at", r"[0-9A-Za-z][0-9A-Za-z:+.-]{0,40}", "a moment with its zone, or latest"),
    "point": Option("point", NAME, "the name of a restore point"),
    "into": Option("into", NAME, "scratch: a copy beside what runs"),
    "drop": Option("drop", NAME, "remove what a restore has left"),
    "confirm": Option("confirm", r"staging|production", "the environment, where data would be lost"),
    "free-gb": Option("free_gb", r"[0-9]{1,6}(\.[0-9]+)?", "free space to reach, instead of the provisioned value"),
    "free-percent": Option("free_percent", r"[0-9]{1,2}(\.[0-9]+)?", "the same as a percentage of the disk"),
    "environment": Option("where", r"staging|production", "staging or production"),
    "replicas": Option("replicas", r"[1-9][0-9]?|default", "how many, or default for the stack's own number"),
    "again": Option("again", "", "also what is on record"),
    "real": Option("real", "", "ask the real addresses, not the host's own ports"),
    "flag": Option("flag", NAME, "which feature flag"),
    "state": Option("state", r"on|off", "on or off"),
    "until": Option("ends", r"[0-9][0-9A-Za-z:+.-]{0,40}", "30m, 2h, or a moment with its zone"),
    "app": Option("app", NAME, "one app or service alone"),
    "route": Option("route", r"/[A-Za-z0-9._~/-]*", "only this path and what is below it"),
    "run": Option("run", NAME, "a job to run now"),
    "suspend": Option("suspend", NAME, "a job that is no longer to run by its schedule"),
    "kind": Option("kind", NAME, "full, incremental, dump, copy or verify: only that"),
    "resume": Option("resume", NAME, "a job that is to run by its schedule again"),
    "history": Option("history", NAME, "a job whose newest runs are shown"),
    "allow": Option("allow", r"[0-9A-Fa-f.:/,]+", "networks that get through, separated by commas"),
    "since": Option("since", r"[0-9A-Za-z][0-9A-Za-z:.+-]*", "from then on: 10m, 2h, 3d, or a UTC time"),
    "grep": Option("grep", TEXT, "lines with this text in them"),
    "lines": Option("lines", r"[1-9][0-9]{0,4}", "the newest so many"),
}


@dataclass(frozen=True)
class Verb:
    """What may be asked for: a playbook of the collection and the options that it takes."""

    playbook: str
    options: tuple[str, ...]
    help: str
    #: The engine's command knows the same verb with the same options.
    engine: bool = True


VERBS = {
    command.control_verb: Verb(
        command.playbook,
        tuple(map(host_option, command.options)),
        command.control_help or command.help,
        engine=bool(command.verb) and command.alike,
    )
    for command in TABLE
    if command.control_verb
}
#: Verbs that only look have nothing to try first.
WITHOUT_CHECK = ("status", "recover", "verify", "check-config", "drift", "logs")


@dataclass(frozen=True)
class Settings:
    """What the role `control_node` wrote for this command."""

    environment: str
    collections: str
    inventory: str
    ansible_config: str
    runs: str
    keep_runs: int
    group: str
    engine: str

    @classmethod
    def read(cls, path: Path = SETTINGS) -> Settings:
        return cls(**json.loads(path.read_text()))


@dataclass(frozen=True)
class Wanted:
    """A request that passed: values by option, and whether only to try."""

    name: str
    values: dict[str, str | bool]
    check: bool

    @property
    def verb(self) -> Verb:
        return VERBS[self.name]


def value_of(option: Option, text: str) -> str:
    """The value, when it is one. Its error names the pattern, argparse adds the option."""
    if not is_printable(text) or not re.fullmatch(option.pattern, text):
        raise argparse.ArgumentTypeError(f"not a value for it: {text!r} (wanted: {option.help})")
    return text


def read_words(words: Sequence[str]) -> Wanted:
    """The request, or the end of the program with what is wrong."""
    parser = argparse.ArgumentParser(
        prog="onehost-control", description="The playbooks of onehost.release on this host.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="verb", required=True)
    for name, verb in VERBS.items():
        command = commands.add_parser(name, help=verb.help, allow_abbrev=False)
        for key in verb.options:
            option = OPTIONS[key]
            if option.pattern:
                command.add_argument(f"--{key}", type=functools.partial(value_of, option), help=option.help)
            else:
                command.add_argument(f"--{key}", action="store_true", default=None, help=option.help)
        if name not in WITHOUT_CHECK:
            command.add_argument("--check", action="store_true", help="show what would be done, change nothing")
    # argparse takes such a value for the end of the options, and fails with a traceback.
    if any(word.startswith("--") and word.endswith("=--") for word in words):
        parser.error("-- is no value of an option")
    found = vars(parser.parse_args(words))
    name = found.pop("verb")
    check = bool(found.pop("check", False))
    return Wanted(name, {key.replace("_", "-"): value for key, value in found.items() if value is not None}, check)


def limit(wanted: Wanted, caller: access.Caller, stacks: Sequence[Stack]) -> Wanted:
    """The request as far as this person may make it: an owner for the stacks that are theirs. Raises RefusedError.

    A playbook takes every stack where none is named, so for an owner one is.
    """
    if not caller.limited:
        return wanted
    name = wanted.values.get("stack")
    if name:
        caller.check([stack for stack in stacks if stack.name == name])
        return wanted
    mine = caller.mine(stacks)
    # cleanup knows no stack: it is about all images of the host.
    if "stack" in wanted.verb.options and len(mine) == 1:
        return replace(wanted, values={**wanted.values, "stack": mine[0].name})
    caller.check(stacks)
    return wanted


def extra_variables(wanted: Wanted, person: str) -> str:
    """A file of variables. A template in a value stays the text that somebody typed: `!unsafe` says so to Ansible."""
    lines = [f"release_person: !unsafe {json.dumps(person)}"]
    for key, value in wanted.values.items():
        # Every JSON string of printable characters is the same string in YAML; the characters themselves, because
        # YAML reads an escaped pair of surrogates as two.
        text = f"!unsafe {json.dumps(value, ensure_ascii=False)}" if isinstance(value, str) else json.dumps(value)
        lines.append(f"{OPTIONS[key].variable}: {text}")
    return "\n".join(lines) + "\n"


def engine_words(wanted: Wanted, engine: str) -> list[str]:
    """The same request to the engine's command."""
    words = [engine, wanted.name]
    for key, value in wanted.values.items():
        words.append(f"--{key}" if value is True else f"--{key}={value}")
    return [*words, "--check"] if wanted.check else words


def runner_words(wanted: Wanted, settings: Settings, private: str, ident: str) -> list[str]:
    return [
        *(f"{settings.environment}/bin/ansible-runner", "run", private),
        *("--playbook", f"onehost.release.{wanted.verb.playbook}"),
        *("--inventory", settings.inventory),
        *("--artifact-dir", f"{settings.runs}/{wanted.name}"),
        *("--ident", ident),
        *(["--cmdline=--check --diff"] if wanted.check else []),
    ]


def clean_environment(settings: Settings, colour: bool) -> dict[str, str]:
    """Nothing of the caller's but the kind of the terminal: Ansible, Python and pip are steered by variables."""
    variables = {
        "PATH": f"{settings.environment}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": settings.ansible_config,
        # What is printed tells people to type this command, not Ansible's, see plugin_utils/place.py.
        "ONEHOST_CONTROL": "1",
    }
    terminal = os.environ.get("TERM", "")
    if re.fullmatch(r"[A-Za-z0-9.+-]{1,40}", terminal):
        variables["TERM"] = terminal
    if not colour:
        variables["ANSIBLE_NOCOLOR"] = "1"
    return variables


def identify(person: str, now: datetime.datetime, process: int) -> str:
    """The name of a run: sorts by time, says who, is never taken."""
    return f"{now:%Y%m%dT%H%M%SZ}-{re.sub(r'[^A-Za-z0-9_.-]', '_', person)}-{process}"


def rotate(directory: Path, keep: int) -> None:
    """Remove the oldest runs. ansible-runner's own rotation fails the run when two of them meet, and goes by mtime."""
    for old in sorted(directory.iterdir(), key=lambda path: path.name)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)


def open_to_group(run: Path, group: str) -> None:
    """The group may read what ansible-runner wrote for its owner alone. Nobody else, and nobody may write."""
    number = group_number(group)
    for path in [run, *run.rglob("*")]:
        os.chown(path, 0, number)
        path.chmod(0o750 if path.is_dir() else 0o640)


def group_number(group: str) -> int:
    return grp.getgrnam(group).gr_gid if group else 0


def room_for_artifacts(settings: Settings) -> bool:
    found = os.statvfs(settings.runs)
    return found.f_bavail * found.f_frsize >= ROOM_BYTES and (found.f_favail > 1000 or found.f_files == 0)


def run(wanted: Wanted, settings: Settings, person: str) -> int:
    """Run the playbook to its end, keep its artifacts."""
    artifacts = Path(settings.runs, wanted.name)
    artifacts.mkdir(exist_ok=True)
    os.chown(artifacts, 0, group_number(settings.group))
    artifacts.chmod(0o750)
    ident = identify(person, datetime.datetime.now(datetime.timezone.utc), os.getpid())
    TEMPORARY.mkdir(mode=0o755, exist_ok=True)
    # Sent when an SSH connection ends, too. An operation on its way goes on by itself.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, end_orderly)
    with tempfile.TemporaryDirectory(prefix="control-", dir=TEMPORARY) as private:
        Path(private, "env").mkdir()
        Path(private, "env", "extravars").write_text(extra_variables(wanted, person))
        try:
            return subprocess.run(
                runner_words(wanted, settings, private, ident),
                cwd=private,
                env=clean_environment(settings, colour=sys.stdout.isatty()),
                stdin=subprocess.DEVNULL,
                check=False,
            ).returncode
        except KeyboardInterrupt:
            sys.stderr.write("An operation that has begun continues; see: sudo onehost-control status\n")
            return 130
        finally:
            with contextlib.suppress(FileNotFoundError):
                open_to_group(artifacts / ident, settings.group)
            rotate(artifacts, settings.keep_runs)


def end_orderly(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(words: Sequence[str] | None = None) -> int:
    wanted = read_words(sys.argv[1:] if words is None else words)
    if os.geteuid() != 0:
        sys.stderr.write(f"onehost-control {wanted.name} needs root: sudo onehost-control {wanted.name}\n")
        return 1
    # The caller's own would decide who may read what the engine writes. What is ours lies in closed directories.
    os.umask(0o022)
    settings = Settings.read()
    # Named by sudo itself, whatever the caller's environment says.
    caller = access.caller()
    try:
        stacks, unreadable = bootstrap.this_host().stacks.survey()
        if caller.limited and unreadable and wanted.values.get("stack") not in {stack.name for stack in stacks}:
            raise RefusedError(unreadable)  # nobody knows whose they are
        wanted = limit(wanted, caller, stacks)
    except RefusedError as refused:
        for problem in refused.problems:
            sys.stderr.write(f"problem: {clean(spell(str(problem), Place('control', has_control=True)))}\n")
        return 1
    if not room_for_artifacts(settings):
        if not wanted.verb.engine:
            sys.stderr.write(f"problem: {settings.runs}: the disk is full. First: sudo onehost-control cleanup\n")
            return 1
        sys.stderr.write(f"{settings.runs}: the disk is full, so this run leaves no artifacts; the history has it.\n")
        sys.stderr.flush()
        os.execv(settings.engine, engine_words(wanted, settings.engine))
    return run(wanted, settings, caller.name)


if __name__ == "__main__":
    raise SystemExit(main())
