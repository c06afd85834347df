# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that say where this host's backups go: for root alone, as they hold keys."""

from __future__ import annotations

import json

from ..paths import BACKUP_PASSPHRASE, BACKUP_PLACES
from ..releases.backups import Places
from ..util.files import as_json, read, write_atomically


class BackupPlaces:
    """Where this host's backups go."""

    def __init__(self, settings: str = BACKUP_PLACES, passphrase: str = BACKUP_PASSPHRASE) -> None:
        self.settings, self.passphrase = settings, passphrase

    def read(self) -> Places | None:
        """None where nothing is, or nothing that can be read."""
        settings, known = read(self.settings), self.known_passphrase()
        if settings is None or not known:
            return None
        try:
            return Places.from_json(json.loads(settings), known)
        except ValueError:
            return None

    def known_passphrase(self) -> str:
        """That of the backups that are there, whatever became of the rest; empty if there is none."""
        return (read(self.passphrase) or b"").decode(errors="replace").strip()

    def write(self, places: Places) -> None:
        write_atomically(self.passphrase, f"{places.passphrase}\n".encode(), 0o600)
        write_atomically(self.settings, as_json(places.to_json()), 0o600)
