# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving the stacks of a host that an earlier version provisioned to where this one keeps them."""

from __future__ import annotations

import contextlib

from ..errors import RefusedError
from ..ports import Host
from ..process import lock
from ..releases.lock_holder import LockHolder
from ..stack.model import ENVIRONMENTS

#: A deploy of the engine that is installed may be running.
LOCK_SECONDS = 900.0


def outdated(host: Host) -> list[str]:
    """The stacks whose files are where an earlier version kept them."""
    return [name for name in host.stacks.names() if not host.home.is_there(name)]


def move(host: Host, name: str, who: LockHolder) -> list[str]:
    """Move one stack's files. Returns a sentence for everything that a person should know.

    One stack that cannot be moved does not stop the others; its operations are refused until it is.
    """
    try:
        stack = host.stacks.definition(name)
        with contextlib.ExitStack() as held:
            for part in (*ENVIRONMENTS, "keys"):
                held.enter_context(lock.hold(lock.lock_path(name, part, host.paths.locks), who, LOCK_SECONDS))
            set_aside = host.home.move_earlier(stack)
    except RefusedError as refused:
        return [f"stack {name} was not moved: {problem}" for problem in refused.problems]
    except OSError as error:
        return [f"stack {name} was not moved: {error.filename or stack.directory}: {error.strerror}"]
    return [
        f"stack {name}: what was found in place of root's files was not written by root, and is now {place}"
        for place in set_aside
    ]
