# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of what is known of a stack's backups."""

from __future__ import annotations

from collections.abc import Mapping

from ..releases.backups import BackupRecord
from ..util.files import as_json, write_atomically
from . import own_files

NAME = "backups.json"


def load(path: str) -> dict[str, BackupRecord]:
    """What cannot be read is left out: then it is done again."""
    found = {str(key): BackupRecord.from_json(item) for key, item in (own_files.load(path)[0] or {}).items()}
    return {key: record for key, record in found.items() if record is not None}


def save(path: str, records: Mapping[str, BackupRecord]) -> None:
    """One process at a time: whoever makes backups of a stack holds its lock."""
    write_atomically(path, as_json({key: record.to_json() for key, record in records.items()}), 0o600)
