# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `onehost` on the host: what the playbooks do, for a person at the machine and for timers."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import socket
import sys
from typing import TextIO

from ..errors import OperationError, RefusedError
from ..hints import Place, spell, verb_hint
from ..operations import certificates, cleanup, key_overlap, page_writer
from ..operations.recover import recover
from ..operations.runner import run
from ..operations.status import status
from ..operations.warm_slot import cool
from ..paths import CONTROL_COMMAND
from ..ports import Host
from ..process import journal, lock
from ..releases.events import Event
from ..releases.lock_holder import LockHolder
from ..releases.request import OPERATIONS, Request
from ..rendering import notifications
from ..rendering.report import report_lines
from ..rendering.status import all_lines
from ..stack.model import ENVIRONMENTS, Stack
from . import access, bootstrap

#: An operation takes the slot over well within this time.
COOL_WAIT_SECONDS = 600.0

_ENDED = "{}: the grace period is over, the previous public key is no longer valid"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 done or nothing to do, 1 failed or refused."""
    parser = argparse.ArgumentParser(prog="onehost", description="Deploy, promote and roll back stacks on this host.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, environment in OPERATIONS.items():
        command = commands.add_parser(
            name, help=f"{name} to {environment}" if name != "rollback" else "go back to the previous release"
        )
        command.add_argument("--stack", default="", help="required when the host has several")
        command.add_argument("--apps", default="", help="only these apps, separated by commas")
        command.add_argument("--reason", default="", help="kept in the history")
        command.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for another operation")
        command.add_argument("--watch-seconds", type=int, help="how long to watch the new release")
        command.add_argument("--warm-seconds", type=int, help="how long to keep the old slot running")
        command.add_argument("--check", action="store_true", help="show what would be done, change nothing")
        if name == "deploy":
            command.add_argument("--version", default="", help="branch, tag or commit")
            command.add_argument("--rebuild", action="store_true", help="build every app without the cache")
        if name == "promote":
            command.add_argument(
                "--skip-gates", default="", help="gates to skip, separated by commas; recorded in the history"
            )
        if name == "rollback":
            command.add_argument("--release", default="", help="a release of the history")
            command.add_argument("--secrets", choices=["today", "release"], default="today")
    for name, text in (
        ("status", "what is live and what a rollback would do"),
        ("recover", "finish or undo what was interrupted"),
        ("cool", "stop slots whose warm time is over"),
        ("end-overlap", "end the grace period of a key rotation when its time is over"),
        ("certificates", "load the certificates that were renewed on this host"),
        ("page", "write the status pages, as a timer does every minute"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--stack", default="", help="one stack instead of all")
        if name == "status":
            command.add_argument("--json", action="store_true")
    command = commands.add_parser("cleanup", help="remove what nothing needs until enough space is free")
    command.add_argument("--check", action="store_true", help="show what would be removed")
    command.add_argument("--lock-wait", type=float, default=0, help="seconds to wait for a running operation")
    command.add_argument("--free-gb", type=float, help="free space to reach, instead of the provisioned value")
    command.add_argument("--free-percent", type=float, help="the same as a percentage of the disk")
    command.add_argument("--json", action="store_true")
    commands.add_parser("notify", help="send a test message to all notification targets")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        _say(f"onehost {options.command} needs root: {verb_hint(options.command)}", sys.stderr)
        return 1
    # Sudo leaves the caller's as it is; what is written here has modes of its own.
    os.umask(0o022)
    try:
        host, person = bootstrap.this_host(), access.caller()
        if options.command == "cleanup":
            return _cleanup(host, options, person)
        if options.command == "notify":
            return _notify(host, person)
        if options.command in OPERATIONS:
            return _operate(host, options, person)
        stacks = _stacks(host, options.stack, person)
        if options.command == "status":
            return _status(host, stacks, options.json)
        if options.command == "recover":
            return _recover(host, stacks)
        if options.command == "certificates":
            return _certificates(host, stacks)
        if options.command == "page":
            return _page(host, stacks)
        if options.command == "end-overlap":
            return _end_overlap(host, stacks)
        return _cool(host, stacks)
    except RefusedError as refused:
        for problem in refused.problems:
            _say(f"problem: {problem}", sys.stderr, getattr(options, "stack", ""))
        return 1
    except OperationError as error:
        _say(f"failed: {error}", sys.stderr, getattr(options, "stack", ""))
        return 1


def _stacks(host: Host, name: str, person: access.Caller) -> list[Stack]:
    """The stack that was named, or all that the caller may act on. Raises RefusedError."""
    if not name:
        return person.mine(host.stacks.all())
    stack = host.stacks.load(host.stacks.choose(name))
    person.check([stack])
    return [stack]


def _operate(host: Host, options: argparse.Namespace, person: access.Caller) -> int:
    mine = _stacks(host, options.stack, person)
    # Where there are none or several, it has to be said which.
    stack = mine[0] if len(mine) == 1 else host.stacks.load(host.stacks.choose(options.stack))
    person.check([stack])
    request = Request(
        operation=options.command,
        environment=OPERATIONS[options.command],
        person=person.name,
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
        warm_seconds=options.warm_seconds,
    )
    report = run(host, stack, request, check=options.check)
    _say("\n".join(report_lines(report.to_json())), stack=options.stack)
    return 1 if report.failed else 0


def _status(host: Host, stacks: list[Stack], as_json: bool) -> int:
    found = [status(host, stack) for stack in stacks]
    if as_json:
        _print_json([item.to_json() for item in found])
    else:
        _say("\n".join(all_lines(found)))
    return 0


def _recover(host: Host, stacks: list[Stack]) -> int:
    # First, because it needs no Docker, which may still be starting.
    for text in (text for stack in stacks for text in after_boot(host, stack)):
        _say(text)
    for stack in stacks:
        for text in [*recover_stack(host, stack, wait=True), *cool_stack(host, stack)]:
            _say(text)
    return 0


def _certificates(host: Host, stacks: list[Stack]) -> int:
    lines, problems = certificates.renew(host, stacks)
    for line in lines:
        _say(line)
    for problem in problems:
        _say(f"problem: {problem}", sys.stderr)
    return 1 if problems else 0


def _cleanup(host: Host, options: argparse.Namespace, person: access.Caller) -> int:
    # It is about all images on the host.
    stacks = host.stacks.all()
    person.check(stacks)
    settings = host.disk.settings({"free_gb": options.free_gb, "free_percent": options.free_percent})
    report = cleanup.make_room(host, stacks, settings, check=options.check, wait_seconds=options.lock_wait)
    cleanup.alarm(host, report, options.check)
    if options.json:
        _print_json(dataclasses.asdict(report))
    else:
        _say("\n".join(cleanup.lines(report, options.check)))
    return 1 if report.failed else 0


def _notify(host: Host, person: access.Caller) -> int:
    # It goes to everybody, whichever stacks they want to hear of.
    person.check(host.stacks.all())
    name, now, troubled = socket.gethostname(), host.clock.now(), False
    event = Event("start", "a test: this channel is notified of operations", host=name, at=now)
    for name, trouble in host.notify.test(event):
        troubled |= bool(trouble)
        _say(f"{name}: {trouble or 'delivered'}")
    return 1 if troubled else 0


def _page(host: Host, stacks: list[Stack]) -> int:
    problems = page_writer.write_all(host, stacks)
    for problem in problems:
        _say(f"problem: {problem}", sys.stderr)
    return 1 if problems else 0


def _cool(host: Host, stacks: list[Stack]) -> int:
    for stack in stacks:
        for text in cool_stack(host, stack):
            _say(text)
    return 0


def _end_overlap(host: Host, stacks: list[Stack]) -> int:
    for stack in stacks:
        if key_overlap.end(host, stack, _this_process(host, "end of the grace period")):
            _say(_ENDED.format(stack.name))
    return 0


def after_boot(host: Host, stack: Stack) -> list[str]:
    """End a rotation's overlap whose time is over, or set the timer that a reboot has taken away."""
    ended = key_overlap.after_boot(host, stack, _this_process(host, "end of the grace period"))
    return [_ENDED.format(stack.name)] if ended else []


def cool_stack(host: Host, stack: Stack) -> list[str]:
    """Stop every warm slot of a stack whose time is over. Waits for a running operation, which may need the slot."""
    found = []
    for environment in ENVIRONMENTS:
        path = lock.lock_path(stack.name, environment, host.paths.locks)
        with lock.hold(path, _this_process(host, "cool"), COOL_WAIT_SECONDS):
            found.append(cool(host, stack, environment))
    return [text for text in found if text]


def recover_stack(host: Host, stack: Stack, wait: bool = False) -> list[str]:
    """Finish or undo everything that is unfinished in a stack, and tell who wants to know; with `wait` until they
    were told. Raises RefusedError while an operation runs."""
    found = []
    for environment in ENVIRONMENTS:
        with lock.hold(lock.lock_path(stack.name, environment, host.paths.locks), _this_process(host, "recover"), 0):
            left = journal.unfinished(stack.name, environment, host.paths.state)
            mine = [recover(host, stack, record) for record in left]
        if mine:
            told = notifications.recovered(stack.name, environment, socket.gethostname(), len(mine), host.clock.now())
            host.notify.tell(told, wait)
        found += mine
    return found


def _this_process(host: Host, operation: str) -> LockHolder:
    """What the lock says of us to the next person."""
    person = os.environ.get("SUDO_USER", "root")
    return lock.this_process(operation, person, socket.gethostname(), host.clock.now())


def _say(text: str, to: TextIO | None = None, stack: str = "") -> None:
    """Print a text for somebody on this host, who has named this stack."""
    place = Place("host", stack=stack, has_control=os.path.exists(CONTROL_COMMAND))
    (to or sys.stdout).write(spell(text, place) + "\n")


def _print_json(data: object) -> None:
    """Print data for a program, which gets commands in their canonical form."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
