# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making what backups of databases need: places, passphrase, settings of each cluster, and its place in the archive."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from ..errors import OperationError, Problem
from ..hints import host_command
from ..paths import BACKUP_PASSPHRASE
from ..planning.backups import pgbackrest, schedule
from ..planning.backups.asked import AskedPlaces
from ..planning.backups.stanzas import stanza_of
from ..planning.databases.clusters import Cluster
from ..ports import Host
from ..releases.backups import Places
from ..stack.model import Stack

KEEP = (
    "backups are encrypted with a passphrase that was made on this host, and without it nobody can read them. Keep a "
    f"copy elsewhere: {host_command(f'cat {BACKUP_PASSPHRASE}')}"
)


class Setup:
    """One provisioning. Nothing is looked at where no cluster has backups."""

    def __init__(self, host: Host, asked: AskedPlaces | None, *, write: bool) -> None:
        self.host, self.asked, self.write = host, asked or AskedPlaces(), write
        self.changes: list[str] = []
        self.notes: list[str] = []

    def problems(self, clusters: Sequence[Cluster]) -> list[Problem]:
        mine = _with_backups(clusters)
        if not mine:
            return []
        found = [
            problem
            for cluster in mine
            if cluster.database.backup
            for problem in pgbackrest.missing_bucket(cluster.database.backup, self.asked.bucket, cluster.place)
        ]
        known = self.host.backup_places.known_passphrase()
        if known and self.asked.passphrase not in ("", known):
            what = "another passphrase is given than the one that backups are encrypted with"
            fix = f"give that of {BACKUP_PASSPHRASE}, or move the backups away and remove that file"
            found.append(Problem(what, "postgresql_backup_passphrase", fix))
        return found

    def moves(self, clusters: Sequence[Cluster]) -> bool:
        """Whether backups go elsewhere from now on."""
        known = self.host.backup_places.read()
        now = (self.asked.path, self.asked.bucket)
        return bool(_with_backups(clusters)) and (known is None or (known.path, known.bucket) != now)

    def prepare(self, clusters: Sequence[Cluster]) -> None:
        """Before the clusters' settings, which name what is made here."""
        mine = _with_backups(clusters)
        if not mine:
            return
        places = self._places()
        version = self._version()
        if any("path" in cluster.database.backup.repository for cluster in mine if cluster.database.backup):
            path = f"{places.path}/postgresql"
            if self.host.backups.provide_directory(path, write=self.write):
                self.changes.append(path)
        for cluster in mine:
            stanza = stanza_of(cluster)
            if cluster.database.backup is None:
                continue
            text = pgbackrest.settings(stanza, cluster.database.backup, places, version)
            if self.host.backups.configure(stanza, text, write=self.write):
                self.changes.append(stanza.config)

    def finish(self, clusters: Sequence[Cluster]) -> None:
        """When they run. That a bucket does not answer now is no reason to stop: a backup tries again."""
        for cluster in _with_backups(clusters) if self.write else ():
            stanza = stanza_of(cluster)
            try:
                self.host.backups.create_stanza(stanza)
            except OperationError as error:
                self.notes.append(f"{cluster.place} is not backed up yet: {error.cause}")

    def timers(self, stacks: Sequence[Stack]) -> None:
        """One for each stack of which anything is backed up. Where nothing was, the first backup is made now."""
        for stack in stacks:
            found = schedule.tasks(stack, self.host.store.databases(stack.name))
            known, wanted = self.host.store.backup_records(stack.name), bool(found)
            planned = schedule.planned(found, known, self.host.clock.now())
            if self.write and not planned.items() <= known.items():
                # From now on their ages count, also if the timer should never fire.
                self.host.store.set_backup_records(stack.name, {**known, **planned})
            if self.host.backup_timer.provide(stack.name, wanted=wanted, write=self.write):
                self.changes.append(f"timer of backups of {stack.name}")

    def _version(self) -> tuple[int, ...]:
        try:
            return self.host.backups.version()
        except OperationError:
            if self.write:
                raise
            return ()  # check mode, before it is installed

    def _places(self) -> Places:
        known = self.host.backup_places.read()
        # Whatever became of the rest: with another one nobody could read what is there.
        passphrase = self.asked.passphrase or self.host.backup_places.known_passphrase()
        if not passphrase:
            passphrase = secrets.token_urlsafe(32)
            self.notes.append(KEEP)
        places = Places(self.asked.path, passphrase, self.asked.bucket)
        if places != known:
            self.changes.append("where backups go")
            if self.write:
                self.host.backup_places.write(places)
        return places


def _with_backups(clusters: Sequence[Cluster]) -> list[Cluster]:
    return [cluster for cluster in clusters if cluster.database.backup]
