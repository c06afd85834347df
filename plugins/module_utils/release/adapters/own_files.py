# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the engine's own files, any of which may be damaged: what is wrong with one, for people.

Whoever needs a file goes on without it as well as it can; `Store.troubles` names it.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any

from ..errors import Problem
from ..hints import host_command
from ..util.files import read


def load(path: str, kind: type = dict) -> tuple[Any, str]:
    """The JSON in a file, which is of this kind, and what is wrong with it: one of the two is None or empty. A file
    that is missing has neither."""
    try:
        data = read(path)
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"
    if data is None:
        return None, ""
    if not data.strip():
        return None, "is empty"
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        return None, f"is damaged: {type(error).__name__}: {error}"
    if not isinstance(found, kind):
        return None, f"is damaged: it holds a {type(found).__name__} instead of a {kind.__name__}"
    return found, ""


def problems(path: str, fix: str, kind: type = dict) -> list[Problem]:
    """What is wrong with a file of JSON, which this fixes, or with who may write it; nothing if there is none."""
    what = load(path, kind)[1]
    return [Problem(what, path, fix)] if what else access_problems(path)


def access_problems(path: str) -> list[Problem]:
    """Who else may write a file that only this user, root, should."""
    try:
        facts = os.lstat(path)
    except OSError:
        return []
    if facts.st_uid != os.geteuid():
        what = f"belongs to user {facts.st_uid}, not to user {os.geteuid()}, and may have been changed"
        return [Problem(what, path, host_command(f"sudo chown -h {os.geteuid()} {path}"))]
    if not stat.S_ISLNK(facts.st_mode) and facts.st_mode & 0o022:
        what = f"may be written by others (mode {stat.S_IMODE(facts.st_mode):04o})"
        return [Problem(what, path, host_command(f"sudo chmod go-w {path}"))]
    return []
