# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in restic's copies of volumes, read again, and the same files in the volumes, to which containers write."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import pwd
import re
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

from ..errors import OperationError
from ..paths import BACKUP_PASSPHRASE
from ..planning.backups.copies import tag
from ..releases.backups import Places
from ..releases.copied import Copied, Present
from ..util.trees import DIRECTORY
from . import restic
from .gently import gently
from .restic import WHOLE, Repository

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20
#: Of what restic says, in characters.
LONGEST = 300


class CopiedFiles:
    """Copies on this host, and in its bucket."""

    def __init__(self, passphrase: str = BACKUP_PASSPHRASE) -> None:
        self.passphrase = passphrase

    def copies(self, places: Places, kind: str, stack: str, thing: str) -> list[Copied]:
        """All whole copies of one thing."""
        said = self._repository(places, kind, stack).ask("snapshots", "--json", f"--tag={tag(thing)},{WHOLE}")
        found = json.loads(said or "[]") or []
        return [Copied(str(one["id"]), _seconds(str(one["time"])), str(one["paths"][0])) for one in found]

    def paths(self, places: Places, kind: str, stack: str, copied: Copied) -> Iterator[str]:
        """The regular files of a copy, below its directory."""
        # restic writes what is no UTF-8 in a way that it does not read again.
        below, other = f"{copied.root}/", "\ufffd"
        with self._running(places, kind, stack, ["ls", "--json", copied.name]) as output:
            for line in output:
                node = json.loads(line)
                path = str(node.get("path", ""))
                if node.get("type") == "file" and path.startswith(below) and other not in path:
                    yield path[len(below) :]

    def checksum(self, places: Places, kind: str, stack: str, copied: Copied, path: str) -> str:
        """The SHA-256 of a file in a copy, all of which is read. Raises OperationError."""
        sum_ = hashlib.sha256()
        with self._running(places, kind, stack, ["dump", copied.name, f"{copied.root}/{path}"]) as output:
            while part := output.read(_CHUNK):
                sum_.update(part)
        return sum_.hexdigest()

    def present(self, root: str, path: str) -> Present | None:
        """A file of a volume now, read without following what somebody may have put in its way; None if it is none."""
        *folders, name = path.split("/")
        try:
            handle = os.open(root, DIRECTORY)
        except OSError:
            return None
        try:
            for folder in folders:
                inner = os.open(folder, DIRECTORY, dir_fd=handle)
                os.close(handle)
                handle = inner
            file = os.open(name, _FILE, dir_fd=handle)
        except OSError:
            return None
        finally:
            os.close(handle)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            sum_ = hashlib.sha256()
            while part := os.read(file, _CHUNK):
                sum_.update(part)
            # Asked afterwards: what is changed while it is read is newer too.
            return Present(sum_.hexdigest(), os.fstat(file).st_ctime)
        finally:
            os.close(file)

    def _repository(self, places: Places, kind: str, stack: str) -> Repository:
        return Repository(places, kind, stack, self.passphrase)

    @contextlib.contextmanager
    def _running(self, places: Places, kind: str, stack: str, words: list[str]) -> Iterator[IO[bytes]]:
        """What restic prints, as it comes, all of which is to be read. Raises OperationError if it fails."""
        mine = self._repository(places, kind, stack)
        command = gently(["restic", "--quiet", *mine.options, *words])
        home = pwd.getpwuid(os.geteuid()).pw_dir
        environment = {"PATH": restic.PATH, "LC_ALL": "C.UTF-8", "HOME": home, **mine.environment}
        with tempfile.TemporaryFile() as said, self._started(command, environment, said) as running:
            end = threading.Timer(restic.LONGEST_SECONDS, running.kill)
            end.start()
            try:
                if running.stdout is None:
                    raise ValueError("it was started without a pipe")
                yield running.stdout
                if running.wait() != 0:
                    said.seek(0)
                    # Of damaged trees some versions tell by a panic: its beginning is what people can read.
                    why = " ".join(said.read().decode(errors="replace").split())[:LONGEST]
                    raise OperationError("restic failed", "backups", why or f"it was ended at {words[0]}")
            finally:
                end.cancel()
                running.kill()

    @staticmethod
    def _started(command: list[str], environment: dict[str, str], said: IO[bytes]) -> subprocess.Popen[bytes]:
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        try:
            return subprocess.Popen(command, stdin=nothing, stdout=pipe, stderr=said, cwd="/", env=environment)
        except OSError as error:
            raise OperationError("restic did not answer", "backups", str(error)) from None


def _seconds(text: str) -> float:
    """Of a moment with its zone, to the microsecond."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if found is None:
        raise OperationError("restic failed", "backups", f"it says {text!r} of a moment")
    zone = "+00:00" if found[3] == "Z" else found[3]
    return datetime.datetime.fromisoformat(found[1] + zone).timestamp() + float(found[2] or 0)
