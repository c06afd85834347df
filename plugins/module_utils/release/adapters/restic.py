# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic on this host: one repository for each stack and place, encrypted with the host's passphrase.

Passwords and keys are in files and in the environment of its process, which is root's; never among its words.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import OperationError
from ..hints import host_command
from ..paths import BACKUP_PASSPHRASE
from ..planning.backups.copies import DUMP, tag
from ..releases.backups import Bucket, Places, Stanza
from ..util.printable import cause
from .gently import gently
from .postgresql import USER

#: A large volume, and a bucket far away, take their time.
LONGEST_SECONDS = 24 * 3600
SECONDS = 300
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
#: What can be made anew from the repository of the stack, or is no more than output; restic's own words for a pattern.
LEFT_OUT = ("source", "logs", "searched.json")
#: A copy counts once its whole input was read; until then it has another name.
WHOLE, PARTIAL = "whole", "partial"
#: Copies a database within its directory, from which no link leads out, as the user to whom that belongs: SQLite makes
#: files beside it, and follows links by itself. Whoever is not root has no rights that could be misused.
_SQLITE = """import os, sqlite3, sys
place, name, target, user = sys.argv[1:]
copy = sqlite3.connect(target)
copy.execute("PRAGMA journal_mode=OFF")
if os.geteuid() == 0:
    os.chroot(place)
    os.chdir(place := "/")
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
with sqlite3.connect(f"file:{os.path.join(place, name)}?mode=rw", uri=True, timeout=60) as source:
    source.backup(copy)
copy.close()
"""
#: Runs a program for which no link below these directories leads anywhere: a container may put one in the place of a
#: directory of its volume between two looks of a program that is root. What is mounted for that, nobody else sees.
_WITHIN = """import ctypes, os, sys
end = sys.argv.index("--")
mount = ctypes.CDLL(None, use_errno=True).mount
# MS_BIND; then MS_REMOUNT, MS_BIND, MS_RDONLY and MS_NOSYMFOLLOW, which a kernel that does not know it ignores.
BIND, CLOSED, IS_CLOSED = 4096, 32 | 4096 | 1 | 256, 0x2000
for path in sys.argv[1:end]:
    name = os.fsencode(path)
    for flags in (BIND, CLOSED):
        if mount(name, name, None, ctypes.c_ulong(flags), None):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    if not os.statvfs(path).f_flag & IS_CLOSED:
        raise OSError(f"this kernel cannot keep links below {path} from being followed")
os.execvp(sys.argv[end + 1], sys.argv[end + 1:])
"""


class Restic:
    """Copies of files, on this host."""

    def __init__(self, passphrase: str = BACKUP_PASSPHRASE) -> None:
        self.passphrase = passphrase
        self.provided: set[str] = set()

    def volume(self, name: str) -> str:
        """Where Docker has a volume; empty if there is none yet."""
        asked = ["docker", "volume", "ls", "--quiet", "--filter", f"name=^{name}$"]
        if not _run(asked, {}, SECONDS, "docker").strip():
            return ""
        return _run(["docker", "volume", "inspect", "--format={{.Mountpoint}}", name], {}, SECONDS, "docker").strip()

    def has(self, path: str) -> bool:
        return os.path.lexists(path)

    def verify(self, places: Places, kind: str, stack: str) -> None:
        """Free what no copy needs any more, and read all the rest. Raises OperationError if it is not whole."""
        mine = Repository(places, kind, stack, self.passphrase)
        self._provide(mine)
        mine.ask("prune", seconds=LONGEST_SECONDS)
        mine.ask("check", "--read-data", seconds=LONGEST_SECONDS)

    def files(self, places: Places, kind: str, stack: str, thing: str, paths: Sequence[str], days: int) -> int:
        """Copy files as they are. Returns what was added to the repository."""
        mine = Repository(places, kind, stack, self.passphrase)
        mine.within = paths
        left_out = [f"--exclude={path}/{name}" for path in paths for name in LEFT_OUT]
        return self._copy(mine, thing, days, [*left_out, *paths])

    def dump(self, places: Places, kind: str, stack: str, thing: str, stanza: Stanza, days: int) -> int:
        """A dump by pg_dump as the reader, straight into the repository."""
        program = f"/usr/lib/postgresql/{stanza.version}/bin/pg_dump"
        words = ["runuser", "-u", USER, "--", program, f"--port={stanza.port}", "--username=reader", "--format=custom"]
        # Not packed: what has not changed is kept once only.
        words += ["--compress=0", "--lock-wait-timeout=60s", stanza.database]
        environment = {**os.environ, "PGAPPNAME": DUMP, "LC_ALL": "C.UTF-8"}
        pipe = subprocess.PIPE
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, cwd="/", env=environment
        ) as it:
            return self._stream(Repository(places, kind, stack, self.passphrase), thing, days, it, "pg_dump")

    def sqlite(self, places: Places, kind: str, stack: str, thing: str, path: str, days: int) -> int:
        """A SQLite file by SQLite's own copy, while apps write to it, with the rights of the volume's user."""
        user = os.stat(os.path.dirname(path), follow_symlinks=False).st_uid
        folder = tempfile.mkdtemp(prefix="onehost-sqlite-", dir="/var/tmp")
        try:
            copy = os.path.join(folder, "copy")
            words = [*os.path.split(path), copy, str(user)]
            _run(["/usr/bin/python3", "-IS", "-c", _SQLITE, *words], {}, LONGEST_SECONDS, "SQLite")
            handle = os.open(copy, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                mine = Repository(places, kind, stack, self.passphrase)
                return self._copy(mine, thing, days, ["--stdin", f"--stdin-filename={os.path.basename(path)}"], file)
        finally:
            shutil.rmtree(folder)

    def _stream(self, mine: Repository, thing: str, days: int, source: subprocess.Popen[bytes], name: str) -> int:
        """What a program prints. It is no copy if the program fails in the middle."""
        if source.stdout is None or source.stderr is None:
            raise ValueError("it was started without pipes")
        begin = ["--stdin", f"--stdin-filename={name}"]
        done = self._backup(mine, thing, begin, source.stdout)
        why = source.stderr.read().decode(errors="replace")
        if source.wait() != 0:
            mine.ask("forget", done.snapshot)
            raise OperationError(f"{name} failed", thing, cause(why))
        return self._counts(mine, thing, days, done)

    def _copy(self, mine: Repository, thing: str, days: int, words: Sequence[str], source: Any = None) -> int:
        """restic keeps a copy of what it could read, and fails, if it could not read all."""
        return self._counts(mine, thing, days, self._backup(mine, thing, words, source))

    def _counts(self, mine: Repository, thing: str, days: int, done: _Done) -> int:
        mine.ask("tag", f"--remove={PARTIAL}", f"--add={WHOLE}", done.snapshot)
        self._forget(mine, thing, days)
        return done.added

    def _provide(self, mine: Repository) -> None:
        """Once for each: deriving its key takes half a second."""
        if mine.where not in self.provided:
            mine.provide()
            self.provided.add(mine.where)

    def _backup(self, mine: Repository, thing: str, words: Sequence[str], source: Any) -> _Done:
        self._provide(mine)
        left = json.loads(mine.ask("snapshots", "--json", f"--tag={tag(thing)},{PARTIAL}") or "[]")
        for snapshot in left or []:
            mine.ask("forget", str(snapshot["id"]))
        tags = f"--tag={tag(thing)},{PARTIAL}"
        said = mine.ask("backup", "--json", "--host=onehost", tags, *words, source=source, seconds=LONGEST_SECONDS)
        return _done(said)

    @staticmethod
    def _forget(mine: Repository, thing: str, days: int) -> None:
        """What is too old; the newest stays in any case."""
        keep = ["--group-by=host", "--keep-last=1", f"--keep-within={days}d"]
        mine.ask("forget", f"--tag={tag(thing)},{WHOLE}", *keep, seconds=LONGEST_SECONDS)


class Repository:
    """One repository of restic, and what it is asked with."""

    def __init__(self, places: Places, kind: str, stack: str, passphrase: str) -> None:
        self.kind, self.directory = kind, f"{places.path}/restic"
        self.where = f"{self.directory}/{stack}" if kind == "path" else _address(places.bucket, stack)
        self.environment = {"RESTIC_REPOSITORY": self.where, "RESTIC_PASSWORD_FILE": passphrase}
        #: What is copied: no link below it is followed.
        self.within: Sequence[str] = ()
        # What is on this disk need not be kept on it a second time.
        self.options = ["--no-cache"] if kind == "path" else []
        if kind != "path" and places.bucket:
            bucket = places.bucket
            self.environment |= {"AWS_ACCESS_KEY_ID": bucket.key, "AWS_SECRET_ACCESS_KEY": bucket.secret}
            self.environment |= {"AWS_DEFAULT_REGION": bucket.region}
            self.options += [f"--option=s3.bucket-lookup={'path' if bucket.by_path else 'auto'}"]
            self.options += [f"--cacert={bucket.ca_file}"] if bucket.ca_file else []

    def provide(self) -> None:
        """Make it if it is not there, and end the locks of processes that were killed."""
        if self.kind == "path":
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
        try:
            self.ask("cat", "config")
        except OperationError as error:
            if not any(word in error.cause for word in ("does not exist", "unable to open config", "no such file")):
                raise
            self.ask("init")
        self.ask("unlock")

    def ask(self, *words: str, source: Any = None, seconds: int = SECONDS) -> str:
        command = ["restic", "--quiet", *self.options, *words]
        if self.within and words[0] == "backup":
            apart = ["unshare", "--mount", "--propagation=private", "--", "/usr/bin/python3", "-IS", "-c", _WITHIN]
            command = [*apart, *self.within, "--", *command]
        return _run(gently(command), self.environment, seconds, "restic", source)


def _address(bucket: Bucket | None, stack: str) -> str:
    if bucket is None:
        raise OperationError(
            "nobody says which bucket", stack, "this host knows none", "set `postgresql_backup_bucket`"
        )
    prefix = f"{bucket.prefix}/" if bucket.prefix else ""
    return f"s3:https://{bucket.endpoint}/{bucket.bucket}/{prefix}restic/{stack}"


class _Done(NamedTuple):
    """The name of a copy, and what it added to its repository."""

    snapshot: str
    added: int


def _done(said: str) -> _Done:
    for line in reversed(said.splitlines()):
        if '"summary"' in line:
            found = json.loads(line)
            return _Done(str(found["snapshot_id"]), int(found.get("data_added_packed", found.get("data_added", 0))))
    raise OperationError("restic failed", "backups", "it did not say what it did")


def _run(words: Sequence[str], more: Mapping[str, str], seconds: int, what: str, source: Any = None) -> str:
    environment = {
        "PATH": PATH,
        "LC_ALL": "C.UTF-8",
        "HOME": pwd.getpwuid(os.geteuid()).pw_dir,
    }
    try:
        done = subprocess.run(
            list(words),
            stdin=subprocess.DEVNULL if source is None else source,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**environment, **more},
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperationError(f"{what} did not answer", "backups", str(error)) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        # Of a traceback the last line is what people can read.
        said = said.splitlines()[-1] if said.startswith("Traceback") else said
        raise OperationError(f"{what} failed", "backups", cause(said), host_command("onehost status"))
    return done.stdout.decode(errors="replace")
