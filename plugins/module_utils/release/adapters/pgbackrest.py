# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pgBackRest on this host: it runs as postgres, with one file of settings for each cluster."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Sequence

from ..errors import OperationError
from ..hints import host_command
from ..paths import BACKUP_SETTINGS
from ..planning.backups import pgbackrest
from ..planning.backups.copies import DUMP
from ..releases.backups import Archive, BackupKind, BackupSet, RestorePoint, Stanza, Target
from ..util.files import read, write_atomically
from .gently import UNSYNCED
from .postgresql import as_postgres, sql

USER = "postgres"
SECONDS = 120
#: A full backup, or a restore, of a large cluster takes its time.
LONGEST_SECONDS = 24 * 3600
POLL_SECONDS = 0.1
#: A backup packs small files into one of 20 MB, and a file of the log has 16 MB.
ROOM_BYTES = 64 * 2**20
#: How long a restore point may take to arrive in the archive.
POINT_SECONDS = 30.0
_ARCHIVE = """SELECT json_build_object(
  'is_on', current_setting('archive_mode') <> 'off' AND current_setting('archive_command') LIKE '%pgbackrest %',
  'last', coalesce(last_archived_wal, ''), 'last_at', coalesce(extract(epoch FROM last_archived_time), 0),
  'failed_at', coalesce(extract(epoch FROM last_failed_time), 0), 'failures', failed_count)
FROM pg_stat_archiver;
"""
#: The point is in the file that is written at that moment; the switch ends it, so that it is archived now.
_POINT = """SELECT pg_create_restore_point('{name}') AS lsn \\gset
SELECT json_build_object('lsn', :'lsn', 'file', pg_walfile_name(:'lsn'::pg_lsn),
  'at', extract(epoch FROM clock_timestamp()));
SELECT pg_switch_wal() \\g /dev/null
"""
_END_DUMPS = f"""SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = '{DUMP}' AND usename = 'reader' \\g /dev/null
"""
_TYPES = {"time": "time", "name": "name", "immediate": "immediate", "latest": "default"}


class PgBackRest:
    """All backups of PostgreSQL on this host."""

    def __init__(self, settings: str = BACKUP_SETTINGS, user: str = USER, root: int = 0) -> None:
        self.settings, self.user, self.root = settings, user, root

    def version(self) -> tuple[int, ...]:
        """Raises OperationError if it is not installed."""
        return pgbackrest.version_of(_run(["pgbackrest", "version"], SECONDS))

    def configure(self, stanza: Stanza, text: str, *, write: bool) -> bool:
        """Write its settings: postgres reads them, and nobody else. Returns whether that is a change."""
        path = os.path.join(self.settings, os.path.basename(stanza.config))
        found, user = _facts(path), self._user(write=write)
        if found and user and found == (stat.S_IFREG | 0o640, self.root, user.pw_gid) and read(path) == text.encode():
            return False
        if write and user:
            os.makedirs(self.settings, mode=0o755, exist_ok=True)
            write_atomically(path, text.encode(), 0o600)
            os.chown(path, -1, user.pw_gid)
            os.chmod(path, 0o640)
        return True

    def provide_directory(self, path: str, *, write: bool) -> bool:
        """The place of its repository on this host: postgres' alone. Returns whether that is a change."""
        found, user = _facts(path), self._user(write=write)
        if found and user and found[:2] == (stat.S_IFDIR | 0o750, user.pw_uid):
            return False
        if write and user:
            os.makedirs(path, mode=0o750, exist_ok=True)
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
            os.chmod(path, 0o750)
        return True

    def _user(self, *, write: bool) -> pwd.struct_passwd | None:
        """None in check mode, where it is not there yet."""
        try:
            return pwd.getpwnam(self.user)
        except KeyError:
            if write:
                raise OperationError("there is no such user", self.user, "PostgreSQL is not installed") from None
            return None

    def create_stanza(self, stanza: Stanza) -> None:
        """Have its repositories take this cluster. Can be repeated."""
        self._ask(stanza, "stanza-create")

    def take(self, stanza: Stanza, kind: BackupKind, repository: int) -> None:
        """Take a backup now. What is too old is removed with it."""
        words = [f"--type={'full' if kind == 'full' else 'incr'}", f"--repo={repository}", "backup"]
        try:
            self._ask(stanza, *words, seconds=LONGEST_SECONDS, low=True)
        except OperationError as error:
            if not (full := self._full(stanza)):
                raise
            raise OperationError(error.what, error.where, f"{full} ({error.cause})", error.fix) from error

    def _full(self, stanza: Stanza) -> str:
        """Where its repositories have no room, and what to do; empty if they have. pgBackRest says that the log was not
        archived, and to look at the command that does so."""
        text = (read(os.path.join(self.settings, os.path.basename(stanza.config))) or b"").decode(errors="replace")
        for path in pgbackrest.directories(text, stanza.name):
            with contextlib.suppress(OSError):
                free = shutil.disk_usage(path).free
                if free < ROOM_BYTES:
                    return f"its disk is full, {free / 1e6:.0f} MB are free in {path}: make room, or lower `keep_days`"
        return ""

    def info(self, stanza: Stanza, *, seconds: int = SECONDS) -> tuple[BackupSet, ...]:
        """The finished backups, oldest first. Raises OperationError, also after `seconds`: it tries for two minutes to
        reach a bucket that is away."""
        return pgbackrest.sets_of(json.loads(self._ask(stanza, "--output=json", "info", seconds=seconds)))

    def verify(self, stanza: Stanza, repository: int) -> list[str]:
        """Read everything in a repository. Returns what is damaged or missing; its exit code says nothing of that.
        Before version VERIFIES only the files of the log are counted."""
        words, found = ["--output=text", "--verbose", f"--repo={repository}", "verify"], list[str]()
        if self.version() >= pgbackrest.VERIFIES:
            found = pgbackrest.damage_in(self._ask(stanza, *words, seconds=LONGEST_SECONDS, low=True))
        mine = [one.first_log for one in self.info(stanza) if one.repository == repository]
        return found + self.gaps(stanza, repository, min(mine, default=""))

    def gaps(self, stanza: Stanza, repository: int, first: str) -> list[str]:
        """Files of the log that are missing from the first one that is wanted on. Raises OperationError."""
        listed = self._ask(stanza, f"--repo={repository}", "--recurse", "repo-ls", f"archive/{stanza.name}", on=False)
        return pgbackrest.gaps(listed.splitlines(), first)

    def archive(self, stanza: Stanza) -> Archive:
        """How its log arrives in the archive. Raises OperationError if the cluster does not answer."""
        found = json.loads(sql(stanza.port, "postgres", _ARCHIVE, 10))
        return Archive(
            bool(found["is_on"]),
            str(found["last"]),
            float(found["last_at"]),
            float(found["failed_at"]),
            int(found["failures"]),
        )

    def end_dumps(self, stanza: Stanza) -> None:
        """Have no dump hold tables that a migration wants to change. It is done again later."""
        sql(stanza.port, "postgres", _END_DUMPS, 10)

    def restore_point(self, stanza: Stanza, name: str, seconds: float = POINT_SECONDS) -> RestorePoint:
        """Make one, and wait until it is in the archive. Raises OperationError if it has not arrived by then."""
        until = time.monotonic() + seconds
        found = json.loads(sql(stanza.port, "postgres", _POINT.format(name=name), max(1, round(seconds))))
        while not self._has_arrived(archive := self.archive(stanza), str(found["file"])):
            if time.monotonic() > until:
                last = archive.last or "no file"
                why = f"{found['file']} has not arrived in the archive after {seconds:g} s; the last there is {last}"
                log = f"/var/log/postgresql/postgresql-{stanza.version}-{stanza.name}.log"
                where = host_command(f"tail {log}")
                raise OperationError("the restore point is not in the archive", stanza.name, why, where)
            # Between two looks: PostgreSQL tells nobody when a file is archived, and the deadline above ends it.
            time.sleep(POLL_SECONDS)
        return RestorePoint(name, str(found["lsn"]), float(found["at"]))

    @staticmethod
    def _has_arrived(archive: Archive, file: str) -> bool:
        """Names of one timeline sort by their place in the log. Those of a backup or a history are none of it."""
        return archive.last[:24] >= file and len(archive.last) >= len(file)

    def restore_into(
        self, stanza: Stanza, directory: str, target: Target, *, archive: bool = False, delta: bool = False
    ) -> None:
        """Lay a cluster out in a directory, which is made. Started, it brings itself to the target and opens there.

        Without `archive` it archives nothing, so that what it writes is never taken for the cluster's own.
        """
        self.provide_data_directory(directory)
        words = [
            f"--pg1-path={directory}",
            f"--type={_TYPES[target.kind]}",
            f"--archive-mode={'preserve' if archive else 'off'}",
        ]
        words += [f"--target={target.value}"] if target.kind in ("time", "name") else []
        words += ["--target-action=promote"] if target.kind != "latest" else []
        words += [f"--repo={target.repository}"] if target.repository else []
        words += [f"--set={target.label}"] if target.label else []
        words += [f"--target-timeline={target.timeline}"] if target.timeline else []
        words += ["--delta"] if delta else []
        # One that is to become the cluster itself is somewhere else by the time it asks for its log.
        where = "" if archive else f"--pg1-path={directory} "
        program = " ".join((*(() if archive else UNSYNCED), "pgbackrest"))
        command = f'{program} --config={stanza.config} --stanza={stanza.name} {where}archive-get %f "%p"'
        words += [f"--recovery-option=restore_command={command}", "restore"]
        self._ask(stanza, *words, seconds=LONGEST_SECONDS, low=not archive, lasts=archive)

    def provide_data_directory(self, directory: str) -> None:
        user = pwd.getpwnam(self.user)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        os.chown(directory, user.pw_uid, user.pw_gid, follow_symlinks=False)
        os.chmod(directory, 0o700)

    def _ask(
        self,
        stanza: Stanza,
        *words: str,
        seconds: int = SECONDS,
        low: bool = False,
        on: bool = True,
        lasts: bool = True,
    ) -> str:
        """`on`: of this cluster alone, which is not said where files of a repository are listed. `lasts`: what it
        writes is still wanted after a crash of the host."""
        command = [*(() if lasts else UNSYNCED), "pgbackrest", f"--config={stanza.config}"]
        return as_postgres([*command, *([f"--stanza={stanza.name}"] if on else []), *words], seconds=seconds, low=low)


def _facts(path: str) -> tuple[int, int, int] | None:
    """Its kind with its mode, its owner and its group; None if there is nothing."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_mode, found.st_uid, found.st_gid


def _run(words: Sequence[str], seconds: int) -> str:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperationError(f"{words[0]} did not answer", "pgBackRest", str(error)) from None
    if done.returncode != 0:
        raise OperationError(f"{words[0]} failed", "pgBackRest", " ".join(done.stderr.split())[-500:])
    return done.stdout.strip()
