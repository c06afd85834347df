# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a maintenance is kept on record: its lock, its line among the operations, and who is told."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
from collections.abc import Iterator

from ..ports import Host
from ..process import journal, lock
from ..process.journal import Journal
from ..releases.lock_holder import LockHolder
from ..releases.release import next_timestamp
from ..rendering import notifications
from ..stack.model import EnvironmentName, Stack
from . import redaction

LOCK_SECONDS = 10.0
#: As a header of a journal and in notifications.
NAME = "maintenance"


def locked(
    host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder
) -> contextlib.AbstractContextManager[None]:
    return lock.hold(lock.lock_path(stack.name, f"{NAME}-{environment}", host.paths.locks), who, LOCK_SECONDS)


@contextlib.contextmanager
def journaled(host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder, text: str) -> Iterator[Journal]:
    """A line among the operations of the environment. If this fails or is killed it has no end, and recovery has the
    router follow the record."""
    header = {
        "operation": NAME,
        "environment": environment,
        "person": who.person,
        "host": who.host,
        "reason": who.reason,
        "stack": stack.name,
        "pid": os.getpid(),
    }
    log = Journal(_new_path(host, stack, environment), host.clock, header, redact=redaction.redactor(host, stack))
    try:
        yield log
        log.add("end", outcome="succeeded", message=text)
    finally:
        log.close()


def _new_path(host: Host, stack: Stack, environment: EnvironmentName) -> str:
    mine = (name for name in journal.names(stack.name, host.paths.state) if f"-{environment}-" in name)
    moment = next_timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc), mine)
    name = f"{moment}-{environment}-{NAME}-{os.getpid()}.jsonl"
    return os.path.join(journal.directory(stack.name, host.paths.state), name)


def tell(host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder, text: str) -> None:
    now = host.clock.now()
    told = notifications.change(who, stack.name, environment, socket.gethostname(), now, sentences=[text])
    host.notifier.notify(told)
    host.page.renew(stack.name)
