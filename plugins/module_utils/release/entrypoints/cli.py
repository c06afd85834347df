# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `onehost` on the host: what the playbooks do, for a person at the machine and for timers."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Mapping

from ..errors import OperationError, RefusedError
from ..hints import verb_hint
from ..planning.by_hand import USUAL_SECONDS
from ..releases.request import DATABASE_WAYS
from ..verbs import TABLE
from . import access, bootstrap, commands
from .commands.output import say


def _operation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", default="", help="required when the host has several")
    parser.add_argument("--apps", default="", help="only these apps, separated by commas")
    parser.add_argument("--reason", default="", help="kept in the history")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for another operation")
    parser.add_argument("--watch-seconds", type=int, help="how long to watch the new release")
    parser.add_argument("--warm-seconds", type=int, help="how long to keep the old slot running")
    parser.add_argument("--check", action="store_true", help="show what would be done, change nothing")


def _deploy_arguments(parser: argparse.ArgumentParser) -> None:
    _operation_arguments(parser)
    parser.add_argument("--version", default="", help="branch, tag or commit")
    parser.add_argument("--rebuild", action="store_true", help="build every app without the cache")


def _promote_arguments(parser: argparse.ArgumentParser) -> None:
    _operation_arguments(parser)
    parser.add_argument("--skip-gates", default="", help="gates to skip, separated by commas; recorded in the history")


def _rollback_arguments(parser: argparse.ArgumentParser) -> None:
    _operation_arguments(parser)
    parser.add_argument("--release", default="", help="a release of the history")
    parser.add_argument("--secrets", choices=["today", "release"], default="today")
    parser.add_argument("--database", choices=DATABASE_WAYS, default="", help="what becomes of a newer schema")
    parser.add_argument("--confirm", default="", metavar="ENVIRONMENT", help="its name, where data would be lost")


def _services_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="which environment; --check shows all without it")
    parser.add_argument("--reason", default="", help="kept in the journal")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for another operation")
    parser.add_argument("--check", action="store_true", help="show what would be done, change nothing")


def _jobs_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="which environment; the list has all without it")
    parser.add_argument("--run", default="", help="a job to run now")
    parser.add_argument("--suspend", default="", help="a job that is no longer to run by its schedule")
    parser.add_argument("--resume", default="", help="a job that is to run by its schedule again")
    parser.add_argument("--history", default="", help="a job whose newest runs are shown, with what it printed")
    parser.add_argument("--scheduled", default="", help=argparse.SUPPRESS)
    parser.add_argument("--reason", default="", help="recorded")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for a run that goes on")
    parser.add_argument("--check", action="store_true", help="show what would be done, change nothing")
    parser.add_argument("--json", action="store_true", help="the list as data")


def _maintenance_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="which environment")
    parser.add_argument("--state", default="", help="on or off")
    parser.add_argument("--until", default="", help="30m, 2h, or a moment with its zone")
    parser.add_argument("--app", default="", help="only this app")
    parser.add_argument("--route", default="", help="only this path and what is below it")
    parser.add_argument("--allow", default="", help="networks that get through, separated by commas")
    parser.add_argument("--reason", default="", help="recorded, and shown to people")
    parser.add_argument("--check", action="store_true", help="show what would be done, change nothing")


def _scale_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="", metavar="APP=NUMBER", help="for example api=3, or api=default")
    _stack_argument(parser)
    parser.add_argument("--app", default="", help="the app, if it is not given as APP=NUMBER")
    parser.add_argument("--replicas", default="", help="how many containers it is to have, or default")
    parser.add_argument("--environment", default="production", help="which environment")
    parser.add_argument("--reason", default="", help="kept with the number")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for another operation")
    parser.add_argument("--check", action="store_true", help="show what would be done, change nothing")


def _logs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", nargs="?", default="", metavar="APP", help="one app or service instead of all")
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="one environment instead of both")
    parser.add_argument("--release", default="", help="of this release of the history only")
    parser.add_argument("--since", default="", help="from then on: 10m, 2h, 3d, or a UTC time such as 2026-11-26T18:00")
    parser.add_argument("--grep", default="", help="lines with this text in them, which is no pattern")
    parser.add_argument("-n", "--lines", default="", help="the newest so many; 100 without --since")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is written from now on")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one object a line")
    shape.add_argument("--raw", action="store_true", help="only what the app has written")


def _by_hand_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [options] app -- program [words …]"
    parser.add_argument("--stack", default="", help="required when the host has several")
    parser.add_argument("--environment", default="production", help="which environment")
    parser.add_argument("--reason", default="", help="kept in the history of runs")
    parser.add_argument("--timeout-seconds", type=float, default=USUAL_SECONDS, help="after which it is ended")
    parser.add_argument("app", help="which app; of one that runs also which replica: api.2")


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    _by_hand_arguments(parser)
    parser.add_argument("--release", default="", help="a release of the history")
    parser.add_argument("--check", action="store_true", help="show what would be run, run nothing")


def _runs_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="only this one")
    parser.add_argument("--number", type=int, default=20, help="how many of each stack, newest first")
    parser.add_argument("--json", action="store_true")


def _drift_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--version", default="", help="branch, tag or commit")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true")
    shown.add_argument("--new-baseline", action="store_true", help="print a baseline that knows all that is found")


def _rehearse_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--again", action="store_true", help="also what is on record")
    parser.add_argument("--check", action="store_true", help="say what would be rehearsed")
    parser.add_argument("--json", action="store_true")


def _stack_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", default="", help="one stack instead of all")


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--json", action="store_true")


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="one environment instead of both")
    parser.add_argument("--real", action="store_true", help="ask the real addresses, not this host's own ports")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true")
    shown.add_argument("--junit", action="store_true", help="JUnit's XML; the table goes to stderr")
    shown.add_argument(
        "--modules", action="store_true", help="ask nothing: print modules of Prometheus' blackbox exporter"
    )
    shown.add_argument("--targets", action="store_true", help="ask nothing: print what those are asked with")


def _backup_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="one environment instead of both")
    parser.add_argument("--kind", default="", help="full, incremental, dump, copy or verify; the last reads all of it")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for a backup that goes on")
    parser.add_argument("--due", action="store_true", help="only what is due, as a timer asks")
    parser.add_argument("--check", action="store_true", help="show what would be done, and how old everything is")


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="", help="which environment")
    parser.add_argument("--database", default="", help="which database, if there are several with backups")
    parser.add_argument("--at", default="", help="a moment with its zone, or latest")
    parser.add_argument("--point", default="", help="the name of a restore point")
    parser.add_argument("--release", default="", help="to just before this release has migrated")
    parser.add_argument("--into", default="", help="scratch: a copy beside what runs, to look at")
    parser.add_argument("--confirm", default="", help="the environment, again: nothing is replaced without it")
    parser.add_argument("--drop", default="", help="remove what a restore has left: its name, all, or look")
    parser.add_argument("--reason", default="", help="kept in the history of restores")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for another operation")
    parser.add_argument("--check", action="store_true", help="tell what would be lost, change nothing")


def _drill_arguments(parser: argparse.ArgumentParser) -> None:
    _stack_argument(parser)
    parser.add_argument("--environment", default="production", help="which environment")
    parser.add_argument("--database", default="", help="one database instead of all with backups")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for another drill")
    parser.add_argument("--check", action="store_true", help="tell what would be tried")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true")
    shown.add_argument("--junit", action="store_true", help="JUnit's XML; the rest goes to stderr")


def _cleanup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="show what would be removed")
    parser.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for a running operation")
    parser.add_argument("--free-gb", type=float, help="free space to reach, instead of the provisioned value")
    parser.add_argument("--free-percent", type=float, help="the same as a percentage of the disk")
    parser.add_argument("--json", action="store_true")


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


#: The verbs that take more than a stack, or nothing.
_ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "deploy": _deploy_arguments,
    "promote": _promote_arguments,
    "rollback": _rollback_arguments,
    "services": _services_arguments,
    "jobs": _jobs_arguments,
    "maintenance": _maintenance_arguments,
    "scale": _scale_arguments,
    "run": _run_arguments,
    "exec": _by_hand_arguments,
    "runs": _runs_arguments,
    "status": _status_arguments,
    "logs": _logs_arguments,
    "drift": _drift_arguments,
    "rehearse": _rehearse_arguments,
    "verify": _verify_arguments,
    "backup": _backup_arguments,
    "restore": _restore_arguments,
    "drill": _drill_arguments,
    "maps": _no_arguments,
    "cleanup": _cleanup_arguments,
    "notify": _no_arguments,
}


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 done or nothing to do, 1 failed or refused."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    words, typed = _split(words)
    # argparse takes such a value for the end of the options, and fails with a traceback.
    if any(word.startswith("--") and word.endswith("=--") for word in words):
        parser.error("-- is no value of an option")
    options = parser.parse_args(words)
    if typed is not None:
        options.words = typed
    if os.geteuid() != 0:
        say(f"onehost {options.command} needs root: {verb_hint(options.command)}", to=sys.stderr)
        return 1
    # sudo keeps the caller's umask; files written here set their own modes.
    os.umask(0o022)
    stack = getattr(options, "stack", "")
    try:
        command = importlib.import_module(f"{commands.__name__}.{options.module}")
        code = int(command.run(bootstrap.this_host(), options, access.caller()))
        return code or (1 if getattr(options, "unreadable", ()) else 0)
    except RefusedError as refused:
        for problem in refused.problems:
            say(f"problem: {problem}", to=sys.stderr, stack=stack)
    except OperationError as error:
        say(f"failed: {error}", to=sys.stderr, stack=stack)
    return 1


def _split(words: list[str]) -> tuple[list[str], list[str] | None]:
    """The command's own words, and those of a program that is to be run: they follow the first `--`, and are nothing
    to us."""
    if words[:1] not in (["run"], ["exec"]):
        return words, None
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onehost", description="Deploy, promote and roll back stacks on this host.")
    parsers = parser.add_subparsers(dest="command", required=True)
    for command in TABLE:
        if command.verb:
            added = parsers.add_parser(command.verb, help=command.help)
            _ARGUMENTS.get(command.verb, _stack_argument)(added)
            added.set_defaults(module=command.module)
    return parser
