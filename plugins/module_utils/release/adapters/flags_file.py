# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of feature flags in an environment's directory: overrides, their history, and what each app reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from ..errors import Problem, RefusedError
from ..hints import host_command
from ..stack.flags import FlagChange, State
from ..util.files import as_json, read, write_atomically

RECORD = "turned.json"
HISTORY = "history.jsonl"
#: In a directory of the app's own, mounted as a whole, so that the file in it can be replaced atomically.
OF_APP = "flags.json"


def load(home: str) -> State:
    """The overrides, with who, why and when. Raises RefusedError if the record cannot be read."""
    path = os.path.join(home, RECORD)
    try:
        with open(path, encoding="utf-8") as file:
            data: State = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RefusedError(
            [Problem(f"cannot be read: {error}", path, f"{host_command(f'rm {path}')}, then set the flags again")]
        ) from None
    return data


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
