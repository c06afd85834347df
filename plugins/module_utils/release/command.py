# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `onehost` on the host: what the playbooks do, for a person at the machine and for timers."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import socket
import sys
from typing import Any, TextIO

from . import journal, lock, room
from .errors import OperationFailed, Refused
from .operation import Places, run
from .provisioned import all_stacks, choose_stack, known_stacks, load_stack, this_host
from .recover import recover
from .request import OPERATIONS, Request
from .stack import ENVIRONMENTS
from .status import status
from .text import report_lines, status_lines
from .warm import cool

#: An operation takes the slot over well within this time.
COOL_WAIT_SECONDS = 600.0


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 done or nothing to do, 1 failed or refused."""
    parser = argparse.ArgumentParser(prog="onehost", description="Deploy, promote and roll back stacks on this host.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, environment in OPERATIONS.items():
        command = commands.add_parser(
            name, help=f"{name} to {environment}" if name != "rollback" else "go back to the release before"
        )
        command.add_argument("--stack", default="", help="needed when the host has several")
        command.add_argument("--apps", default="", help="only these apps, separated by commas")
        command.add_argument("--reason", default="", help="kept in the history")
        command.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for another operation")
        command.add_argument("--watch-seconds", type=int, help="how long to watch the new release")
        command.add_argument("--check", action="store_true", help="say what would be done")
        if name == "deploy":
            command.add_argument("--version", default="", help="branch, tag or commit")
            command.add_argument("--rebuild", action="store_true", help="build every app without the cache")
        if name == "promote":
            command.add_argument("--skip-gates", default="", help="gates to pass over, separated by commas; recorded")
        if name == "rollback":
            command.add_argument("--release", default="", help="a release of the history")
            command.add_argument("--secrets", choices=["today", "release"], default="today")
    for name, text in (
        ("status", "what is live and what a rollback would do"),
        ("recover", "finish or undo what was interrupted"),
        ("cool", "stop slots whose warm time is over"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--stack", default="", help="one stack instead of all")
        if name == "status":
            command.add_argument("--json", action="store_true")
    command = commands.add_parser("cleanup", help="remove what nothing needs until enough is free")
    command.add_argument("--check", action="store_true", help="say what would be removed")
    command.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for an operation that runs")
    command.add_argument("--free-gb", type=float, help="how much is to be free, instead of what was provisioned")
    command.add_argument("--free-percent", type=float, help="the same in per cent of the disk")
    command.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        _say(f"onehost {options.command} needs root: sudo onehost {options.command}", sys.stderr)
        return 1
    try:
        if options.command == "status":
            return _status(options.stack, options.json)
        if options.command == "recover":
            return _recover(options.stack)
        if options.command == "cleanup":
            return _cleanup(options)
        if options.command == "cool":
            return _cool(options.stack)
        return _operate(options)
    except Refused as refused:
        for problem in refused.problems:
            _say(f"problem: {problem}", sys.stderr)
        return 1
    except OperationFailed as error:
        _say(f"failed: {error}", sys.stderr)
        return 1


def _operate(options: argparse.Namespace) -> int:
    stack = load_stack(choose_stack(options.stack))
    request = Request(
        operation=options.command,
        environment=OPERATIONS[options.command],
        person=os.environ.get("SUDO_USER") or os.environ.get("USER", "root"),
        host=socket.gethostname(),
        reason=options.reason,
        apps=_split(options.apps),
        version=getattr(options, "version", ""),
        release=getattr(options, "release", ""),
        rebuild=getattr(options, "rebuild", False),
        skip_gates=_split(getattr(options, "skip_gates", "")),
        secrets=getattr(options, "secrets", "today"),
        lock_wait=options.lock_wait,
        watch_seconds=options.watch_seconds,
    )
    report = run(this_host(), stack, request, check=options.check)
    _say("\n".join(report_lines(dataclasses.asdict(report))))
    return 1 if report.failed else 0


def _status(name: str, as_json: bool) -> int:
    names = [choose_stack(name)] if name else known_stacks()
    found = [status(this_host(), load_stack(stack)) for stack in names]
    if as_json:
        _say(json.dumps(found, indent=2))
    else:
        _say("\n".join(line for item in found for line in status_lines(item)))
    return 0


def _recover(name: str) -> int:
    for stack in [choose_stack(name)] if name else known_stacks():
        for text in [*recover_stack(stack), *cool_stack(stack)]:
            _say(text)
    return 0


def _cleanup(options: argparse.Namespace) -> int:
    settings = room.read_settings(free_gb=options.free_gb, free_percent=options.free_percent)
    report = room.make_room(this_host(), all_stacks(), settings, check=options.check, wait_seconds=options.lock_wait)
    found = [json.dumps(dataclasses.asdict(report), indent=2)] if options.json else room.lines(report, options.check)
    sys.stdout.write("\n".join(found) + "\n")
    return 1 if report.failed else 0


def _cool(name: str) -> int:
    for stack in [choose_stack(name)] if name else known_stacks():
        for text in cool_stack(stack):
            _say(text)
    return 0


def cool_stack(name: str, places: Places | None = None) -> list[str]:
    """Stop every warm slot of a stack whose time is over. Waits for a running operation, which may need the slot."""
    stack, found = load_stack(name), []
    for environment in ENVIRONMENTS:
        path = lock.lock_path(stack.name, environment, (places or Places()).locks)
        with lock.hold(path, _who("cool"), COOL_WAIT_SECONDS):
            found.append(cool(this_host(), stack, environment))
    return [text for text in found if text]


def recover_stack(name: str, places: Places | None = None) -> list[str]:
    """Finish or undo everything that is unfinished in a stack. Raises Refused while an operation runs."""
    places = places or Places()
    stack, host, found = load_stack(name), this_host(), []
    for environment in ENVIRONMENTS:
        with lock.hold(lock.lock_path(stack.name, environment, places.locks), _who("recover"), 0):
            found += [
                recover(host, stack, record) for record in journal.unfinished(stack.name, environment, places.state)
            ]
    return found


def _who(operation: str) -> dict[str, Any]:
    """What the lock says of us to the one who comes second."""
    return {
        "operation": operation,
        "person": os.environ.get("SUDO_USER", "root"),
        "host": socket.gethostname(),
        "since": datetime.datetime.now().astimezone().strftime("%H:%M:%S"),
        "pid": os.getpid(),
    }


def _say(text: str, to: TextIO | None = None) -> None:
    (to or sys.stdout).write(text + "\n")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
