# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of feature flags in an environment's directory: overrides, their history, and what each app reads."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import cast

from ..errors import Problem, RefusedError
from ..hints import host_command
from ..stack.flags import FlagChange, State
from ..util.files import as_json, read, write_atomically
from . import own_files

RECORD = "turned.json"
HISTORY = "history.jsonl"
#: In a directory of the app's own, mounted as a whole, so that the file in it can be replaced atomically.
OF_APP = "flags.json"


def load(home: str) -> State:
    """The overrides, with who, why and when. A record that cannot be read is made anew from the history: a flag that
    was turned off in an incident must stay off. Raises RefusedError if that is impossible, too."""
    path = os.path.join(home, RECORD)
    data, trouble = own_files.load(path)
    if data is None and not trouble:
        return {}
    if data is not None and all(_is_setting(item) for item in data.values()):
        return cast(State, data)
    known = _from_history(os.path.join(home, HISTORY))
    if known is None:
        what = f"cannot be read: {trouble or 'it holds something else'}"
        raise RefusedError([Problem(what, path, f"{host_command(f'rm {path}')}, then set the flags again")])
    return known


def _from_history(path: str) -> State | None:
    """What the changes of before add up to; None if there is no history. Lines that cannot be read are left out."""
    known: State = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
    except OSError:
        return None
    for line in lines:
        with contextlib.suppress(ValueError):
            change = json.loads(line)
            if _is_setting(change) and isinstance(change.get("flag"), str):
                known[change["flag"]] = {
                    "on": change["on"],
                    "person": str(change.get("person", "")),
                    "reason": str(change.get("reason", "")),
                    "at": str(change.get("at", "")),
                }
    return known


def _is_setting(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("on"), bool)


def save(home: str, known: State, change: FlagChange) -> None:
    """Store the current overrides, and add one change to the history."""
    os.makedirs(home, mode=0o755, exist_ok=True)
    write_atomically(os.path.join(home, RECORD), as_json(known), 0o644)
    with open(os.path.join(home, HISTORY), "a", encoding="utf-8") as file:
        file.write(json.dumps(change) + "\n")


def save_app(home: str, app: str, values: Mapping[str, bool], *, write: bool) -> str:
    """Write the file that an app reads. Returns its path if that is a change, else an empty string."""
    path = os.path.join(home, app, OF_APP)
    data = as_json(values)
    if read(path) == data:
        return ""
    if write:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        write_atomically(path, data, 0o644)
    return path
