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

from ..util.files import read


def load(path: str, kind: type = dict) -> tuple[Any, str]:
    """The JSON in a file, which is of this kind, and what is wrong with it: one of the two is None or empty. A file
    that is missing has neither."""
    try:
        data = read(path)
    except OSError as error:
        return None, f"{path} cannot be read: {error.strerror}"
    if data is None:
        return None, ""
    if not data.strip():
        return None, f"{path} is empty"
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        return None, f"{path} is damaged: {type(error).__name__}: {error}"
    if not isinstance(found, kind):
        return None, f"{path} is damaged: it holds a {type(found).__name__} instead of a {kind.__name__}"
    return found, ""


def trouble(path: str, kind: type = dict) -> str:
    """What is wrong with a file of JSON and with who may write it; empty if nothing is, or if there is none."""
    return load(path, kind)[1] or access_trouble(path)


def access_trouble(path: str) -> str:
    """Who else may write a file that only this user, root, should."""
    try:
        facts = os.lstat(path)
    except OSError:
        return ""
    if facts.st_uid != os.geteuid():
        return f"{path} belongs to user {facts.st_uid}, not to user {os.geteuid()}, and may have been changed"
    if not stat.S_ISLNK(facts.st_mode) and facts.st_mode & 0o022:
        return f"{path} may be written by others (mode {stat.S_IMODE(facts.st_mode):04o})"
    return ""
