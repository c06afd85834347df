# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laying out a tar archive that somebody else's git wrote, as files of root.

The archive may hold anything: its writer may have changed git while it ran. So it is read by a process of its own that
sees nothing but the directory it fills, makes plain files, folders and links there and nothing else, and ends by
itself.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import select
import signal
import stat
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, NoReturn

from ..errors import OperationError
from ..planning.source_view import View
from ..util.lazy import lazy_import

# Most operations build nothing.
if TYPE_CHECKING:
    import tarfile
else:
    tarfile = lazy_import("tarfile")

BYTES = 16 * 1024**3
ENTRIES = 1_000_000
DEPTH = 100
#: A process that reads a hostile archive may not take the host's memory.
MEMORY = 2 * 1024**3
CHUNK = 1024 * 1024
#: By then the rest of the archive is long laid out.
ANSWER_SECONDS = 60
#: How a file begins that stands for one kept by Git LFS, and how long such a file is at most.
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
LFS_POINTER_SIZE = 1024
#: How many of them are named.
NAMED = 20


class ArchiveError(ValueError):
    """The archive holds what no archive of a commit holds."""


class _Place:
    """A directory that is filled. Paths are followed one name at a time and never through a link."""

    def __init__(self, root: str) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._open: tuple[tuple[bytes, ...], int] = ((), os.dup(self._root))

    def close(self) -> None:
        os.close(self._open[1])
        os.close(self._root)

    def folder(self, names: tuple[bytes, ...]) -> int:
        """The folder, made if it is not there. Archives name the files of one folder together."""
        if self._open[0] != names:
            handle = os.dup(self._root)
            try:
                for name in names:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, 0o755, dir_fd=handle)
                    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
                    os.close(handle)
                    handle = inner
            except OSError:
                os.close(handle)
                raise
            os.close(self._open[1])
            self._open = (names, handle)
        return self._open[1]


def lay_out(stream: IO[bytes], root: str, below: str = "", view: View | None = None) -> list[str]:
    """Make the archive's files below a directory, without those that are not to be seen. Returns the paths of files
    that only stand for one of Git LFS."""
    place = _Place(root)
    inside = _names(below.encode(errors="surrogateescape")) if below else ()
    pointers: list[str] = []
    size = entries = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape") as archive:
            for member in archive:
                vars(archive)["members"].clear()  # or all of them stay in memory
                entries, size = entries + 1, size + max(member.size, 0)
                if entries > ENTRIES or size > BYTES:
                    raise ArchiveError(f"more than {ENTRIES} files or {BYTES // 1024**3} GiB")
                names = inside + _names(member.name.encode(errors="surrogateescape"))
                # Where something is left out, folders are made for their files alone: as in git, none is empty.
                if view and (member.isdir() or view.hides(b"/".join(names).decode(errors="surrogateescape"))):
                    continue
                if member.isdir():
                    place.folder(names)
                elif member.issym():
                    target = member.linkname.encode(errors="surrogateescape")
                    os.symlink(target, names[-1], dir_fd=place.folder(names[:-1]))
                elif member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
                    content = archive.extractfile(member)
                    if content is not None and _write(place.folder(names[:-1]), names[-1], member, content):
                        pointers.append(b"/".join(names).decode(errors="replace"))
                else:
                    raise ArchiveError(f"{member.name!r} is no file, folder or link")
    finally:
        place.close()
    # What fills the archive up to a whole record.
    while stream.read(CHUNK):
        continue
    return pointers[:NAMED]


def _names(path: bytes) -> tuple[bytes, ...]:
    names = tuple(path.rstrip(b"/").split(b"/"))
    if len(names) > DEPTH or not all(name not in (b"", b".", b"..", b".git") and b"\0" not in name for name in names):
        raise ArchiveError(f"{path!r} is no path of a commit")
    return names


def _write(folder: int, name: bytes, member: tarfile.TarInfo, content: IO[bytes]) -> bool:
    """Write one file. Returns whether it only stands for one of Git LFS."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        is_pointer = False
        while part := content.read(CHUNK):
            is_pointer = is_pointer or (member.size <= LFS_POINTER_SIZE and part.startswith(LFS_POINTER))
            view = memoryview(part)
            while view:
                view = view[os.write(handle, view) :]
        if os.fstat(handle).st_size != member.size:
            raise ArchiveError(f"{member.name!r} is cut short")
        os.fchmod(handle, 0o755 if member.mode & stat.S_IXUSR else 0o644)
        # The time of the commit: the same commit gives the same files.
        moment = int(min(max(member.mtime, 0), 2**33))
        os.utime(handle, (moment, moment))
    finally:
        os.close(handle)
    return is_pointer


@contextlib.contextmanager
def laying_out(stream: IO[bytes], root: str, below: str, seconds: float, view: View) -> Iterator[IO[bytes]]:
    """The same in a process that sees only the directory, while the block runs. Yields what it will answer."""
    importlib.import_module("tarfile")  # while the host's files can be seen
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_child(stream.fileno(), write, root, below, seconds, view)
    os.close(write)
    try:
        with os.fdopen(read, "rb") as answer:
            yield answer
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def read_answer(answer: IO[bytes], what: str) -> list[str]:
    """The answer of that process, once the archive's writer has ended. Raises OperationError if it could not lay the
    archive out, or goes on waiting: something that the writer left behind may hold the stream open."""
    data = b""
    deadline = time.monotonic() + ANSWER_SECONDS
    while select.select([answer], [], [], max(deadline - time.monotonic(), 0))[0]:
        part = os.read(answer.fileno(), CHUNK)
        if not part:
            break
        data += part
    try:
        said = json.loads(data)
    except ValueError:
        said = {"error": "its process was stopped"}
    if "error" in said:
        raise OperationError("the source cannot be laid out", what, said["error"])
    return [str(path) for path in said["pointers"]]


def _be_the_child(stream: int, answer: int, root: str, below: str, seconds: float, view: View) -> NoReturn:
    said: dict[str, object] = {}
    try:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(signum, signal.SIG_DFL)
        signal.alarm(int(seconds) + 1)
        for number in [int(name) for name in os.listdir("/proc/self/fd")]:
            if number not in (2, stream, answer):
                with contextlib.suppress(OSError):
                    os.close(number)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.umask(0o022)
        if os.geteuid() == 0:
            os.chroot(root)
            os.chdir("/")
            root = "/"
        with os.fdopen(stream, "rb", closefd=False) as archive:
            said["pointers"] = lay_out(archive, root, below, view)
    except BaseException as error:
        said["error"] = f"{type(error).__name__}: {error}"[:500]
    os.write(answer, json.dumps(said).encode())
    os._exit(0)
