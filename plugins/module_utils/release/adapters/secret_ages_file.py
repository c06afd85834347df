# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that records since when each secret has had its value."""

from __future__ import annotations

import json
import os
from typing import cast

from ..env.secret_ages import FORMAT, SecretRecord
from ..paths import STATE
from ..stack.model import Stack
from ..util.files import as_json, write_atomically


def path_of(stack: Stack, state: str = STATE) -> str:
    return os.path.join(state, stack.name, "secrets.json")


def load(path: str) -> SecretRecord:
    """Load the record. An unreadable one counts as lost: ages start anew, as `since` shows."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError):
        return {}
    return cast(SecretRecord, record) if isinstance(record, dict) and record.get("format") == FORMAT else {}


def save(path: str, record: SecretRecord) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    write_atomically(path, as_json(record), 0o600)
