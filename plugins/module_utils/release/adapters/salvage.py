# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the backups of a lost host on an empty one, and putting files where they belong.

restic lays out as root, so always in a directory that only root sees; from there whole names are moved, never links.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Collection
from typing import Any

from ..errors import OperationError
from ..paths import RECOVERY
from ..planning.backups import pgbackrest
from ..releases.backups import BackupSet, Places, Stanza
from ..releases.host_recovery import Copy, HostRecovery, Known
from ..util.files import as_json, read, sync_directory, write_atomically
from .postgresql import USER, run
from .restic import LONGEST_SECONDS, SECONDS, WHOLE, Repository
from .store import Store

RECORD = "recovery.json"
#: While it is laid out, beside a volume's own directory.
BESIDE = "_onehost_recovery"


class Salvage:
    """The backups of a lost host, on this one."""

    def __init__(self, home: str = RECOVERY) -> None:
        self.home = home

    def read(self) -> HostRecovery | None:
        data = read(f"{self.home}/{RECORD}")
        try:
            return None if data is None else HostRecovery.from_json(json.loads(data))
        except ValueError:
            return None

    def write(self, record: HostRecovery) -> None:
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        write_atomically(f"{self.home}/{RECORD}", as_json(record.to_json()), 0o600)

    def missing(self, *, clusters: bool) -> list[str]:
        """Programs that are not installed yet; pgBackRest is wanted for `clusters` alone."""
        wanted = ("restic", "pgbackrest") if clusters else ("restic",)
        return [name for name in wanted if not shutil.which(name)]

    def copies(self, places: Places, kind: str, stack: str) -> list[Copy]:
        """All whole copies in a stack's repository, oldest first. Raises OperationError if it cannot be read."""
        said = json.loads(_restic(places, kind, stack, "snapshots", "--json", f"--tag={WHOLE}") or "[]") or []
        found = [copy for one in said for copy in _copies(one, kind, stack)]
        return sorted(found, key=lambda copy: copy.at)

    def known(self, places: Places, copy: Copy, path: str) -> Known:
        """What a copy of a stack's state says of its releases and its clusters."""
        with tempfile.TemporaryDirectory(prefix="onehost-recovery-") as folder:
            self._lay_out(places, copy, folder, f"{path}/releases", f"{path}/databases.json")
            store = Store(f"{folder}{os.path.dirname(path)}", {})
            return Known(tuple(store.releases(copy.stack)), store.databases(copy.stack))

    def state(self, places: Places, copy: Copy, path: str, names: Collection[str]) -> list[str]:
        """Put these names below a directory of root's, from a copy that has it. Returns those that were there."""
        folder, found = f"{self.home}/{copy.stack}", []
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        self._lay_out(places, copy, folder, *(f"{path}/{name}" for name in names))
        os.makedirs(path, mode=0o755, exist_ok=True)
        for name in sorted(names):
            source, target = f"{folder}{path}/{name}", f"{path}/{name}"
            if not _is_plain(source):
                continue
            _remove(target)
            os.rename(source, target)
            found.append(name)
        sync_directory(path)
        shutil.rmtree(folder)
        return found

    def volume(self, places: Places, copy: Copy, mountpoint: str) -> None:
        """Put a volume's directory in the place of an empty one, as it was. Can be repeated."""
        folder = f"{os.path.dirname(mountpoint)}/{BESIDE}"
        _remove(folder)
        os.mkdir(folder, mode=0o700)
        self._lay_out(places, copy, folder, copy.path)
        if not stat.S_ISDIR(os.stat(f"{folder}{copy.path}", follow_symlinks=False).st_mode):
            raise OperationError("the copy has no directory", copy.tag, copy.path)
        _remove(mountpoint)
        os.rename(f"{folder}{copy.path}", mountpoint)
        sync_directory(os.path.dirname(mountpoint))
        _remove(folder)

    def file(self, places: Places, copy: Copy, path: str) -> None:
        """Put a SQLite file into its volume, as its user's, in the place of one that was copied while apps wrote."""
        home = os.path.dirname(path)
        if os.path.realpath(home) != home:
            raise OperationError("the way to it leads elsewhere", path, "a copy of the volume has a link there")
        owner = os.stat(home)
        folder = f"{self.home}/{copy.stack}"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        self._lay_out(places, copy, folder)
        source = f"{folder}{copy.path}"
        os.chown(source, owner.st_uid, owner.st_gid, follow_symlinks=False)
        os.chmod(source, 0o644)
        for name in (f"{path}-wal", f"{path}-shm", path):
            _remove(name)
        shutil.move(source, path)
        sync_directory(home)
        shutil.rmtree(folder)

    def sets(self, stanza: Stanza, settings: str) -> tuple[BackupSet, ...]:
        """The finished backups of a cluster that this host does not have yet, oldest first."""
        with tempfile.NamedTemporaryFile("w", prefix="onehost-recovery-", suffix=".conf") as file:
            file.write(settings)
            file.flush()
            words = ["pgbackrest", f"--config={file.name}", f"--stanza={stanza.name}", "--log-level-file=off"]
            return pgbackrest.sets_of(json.loads(run([*words, "--output=json", "info"], seconds=SECONDS)))

    def adopt(self, path: str) -> None:
        """On this host the user of PostgreSQL may have another number than on the one that wrote there."""
        if os.path.isdir(path):
            run(["chown", "--recursive", "--no-dereference", f"{USER}:{USER}", path], seconds=LONGEST_SECONDS)

    @staticmethod
    def _lay_out(places: Places, copy: Copy, folder: str, *paths: str) -> None:
        words = [f"--include={path}" for path in paths]
        _restic(places, copy.kind, copy.stack, "restore", copy.snapshot, f"--target={folder}", *words)


def _restic(places: Places, kind: str, stack: str, *words: str) -> str:
    """Without a lock: a host that is gone may have left one, and its disk may be read-only."""
    with tempfile.NamedTemporaryFile("w", prefix="onehost-recovery-") as file:
        file.write(f"{places.passphrase}\n")
        file.flush()
        mine = Repository(places, kind, stack, file.name)
        return mine.ask(words[0], "--no-lock", *words[1:], seconds=LONGEST_SECONDS)


def _copies(data: Any, kind: str, stack: str) -> list[Copy]:
    tags = [str(tag) for tag in data.get("tags") or () if tag != WHOLE]
    at = _moment(str(data["time"]))
    return [Copy(kind, stack, str(data["id"]), tag, at, str(data["paths"][0])) for tag in tags]


def _moment(text: str) -> float:
    """Go's form of a time, with up to nine digits of a second."""
    head, _dot, rest = text.partition(".")
    zone = rest.lstrip("0123456789") if rest else ""
    whole = (head + zone) if rest else text
    return datetime.datetime.fromisoformat(whole.replace("Z", "+00:00")).timestamp()


def _is_plain(path: str) -> bool:
    """A file or a directory, and no link."""
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
