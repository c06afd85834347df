# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare mirror of a repository: what its origin has now, kept by the platform, and made anew when it is damaged.

Its directory lies in one of root's, so nobody can move it or put another in its place. It belongs to the stack's owner,
because git runs as the owner, with the owner's access to the origin; root looks inside it only through that git.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import OperationError
from ..hints import host_command
from ..planning.submodules import protocols
from ..util import as_owner
from ..util.addresses import without_credentials
from ..util.as_owner import Finished

FETCH_SECONDS = 300
CHECK_SECONDS = 600
#: For how long a git that is at work may go on before it is named, and how often it is looked for.
LEAVING_SECONDS = 5.0
LOOK_SECONDS = 0.1
#: In the directory of the mirrors, until they are whole.
UNFINISHED = "new-"
#: What a commit says of how it is exported does not count: a build gets all of it, as it is. Git prefers these lines to
#: all others.
ATTRIBUTES = "* -export-ignore -export-subst"
_MAKE = """
git init --quiet --bare --initial-branch=main --template= "$1" && mkdir -p "$1/info" &&
    printf '%s\\n' "$2" >"$1/info/attributes"
"""
#: What git adds to the reason why it cannot fetch.
_ADVICE = ("hint:", "warning:", "Please make sure", "and the repository exists")


@dataclass(frozen=True)
class Mirror:
    """One repository's mirror, and how its origin is reached."""

    path: str
    owner: str
    #: Of the origin. It may hold credentials when it is that of an old checkout, so it is in no argument.
    address: str
    #: Of the stack's own repository: submodules may use no more than that.
    source: str

    def environment(self) -> dict[str, str]:
        return {
            "GIT_DIR": self.path,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=15",
            "GIT_ALLOW_PROTOCOL": protocols(self.source),
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            **settings({"remote.origin.url": self.address}),
        }

    def git(self, *arguments: str, text: str = "", seconds: float = 60) -> Finished:
        try:
            return as_owner.run(
                self.owner, ["git", *arguments], environment=self.environment(), text=text, seconds=seconds
            )
        except TimeoutError as error:
            raise OperationError(f"git {arguments[0]} did not finish", self.shown, str(error)) from error

    @property
    def shown(self) -> str:
        return without_credentials(self.address)

    def is_there(self) -> bool:
        """Whether there is one that belongs to the owner."""
        try:
            known = os.lstat(self.path)
        except FileNotFoundError:
            return False
        return known.st_uid == self._uid()

    def _uid(self) -> int:
        """The owner's number; tests without root have but one user."""
        return as_owner.account(self.owner).pw_uid if os.geteuid() == 0 else os.geteuid()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One at a time: a preview fetches too, while a deploy runs. The file is root's; the kernel releases it."""
        home = os.path.dirname(self.path)
        os.makedirs(home, mode=0o711, exist_ok=True)
        handle = os.open(os.path.join(home, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def fetch(self) -> None:
        """Make branches and tags as the origin has them now. Raises OperationError with git's own reason."""
        if not self.is_there():
            self.make_anew()
            return
        done = self._fetch()
        if done.code and self._remove_stale_locks():
            done = self._fetch()
        if done.code:
            if self.is_sound():
                raise self.failure("the source cannot be fetched", done)
            self.make_anew()

    def _fetch(self) -> Finished:
        return self.git(
            "fetch",
            "--quiet",
            "--force",
            "--prune",
            "--no-tags",
            "--no-write-fetch-head",
            "origin",
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
            seconds=FETCH_SECONDS,
        )

    def is_sound(self, *, whole: bool = False) -> bool:
        """Whether git finds nothing wrong with it: with what connects it, or with every object."""
        words = [] if whole else ["--connectivity-only"]
        return self.git("fsck", "--no-progress", "--no-dangling", *words, seconds=CHECK_SECONDS).code == 0

    def make_anew(self) -> None:
        """Get everything from the origin once more, and only then take away what was there."""
        home = os.path.dirname(self.path)
        os.makedirs(home, mode=0o711, exist_ok=True)
        for name in os.listdir(home):
            if name.startswith(UNFINISHED):
                shutil.rmtree(os.path.join(home, name), ignore_errors=True)
        new = Mirror(tempfile.mkdtemp(prefix=UNFINISHED, dir=home), self.owner, self.address, self.source)
        try:
            if os.geteuid() == 0:
                os.chown(new.path, self._uid(), -1, follow_symlinks=False)
            made = as_owner.run(self.owner, ["sh", "-c", _MAKE, "sh", new.path, ATTRIBUTES])
            done = new._fetch() if made.code == 0 else made
            if done.code:
                raise self.failure("the source cannot be fetched", done)
            if os.path.lexists(self.path):
                os.rename(self.path, tempfile.mkdtemp(prefix=UNFINISHED, dir=home))
            os.rename(new.path, self.path)
        finally:
            for name in os.listdir(home):
                if name.startswith(UNFINISHED):
                    shutil.rmtree(os.path.join(home, name), ignore_errors=True)

    def _remove_stale_locks(self) -> bool:
        """Remove what a killed git left behind, unless one is at work. Returns whether there was anything."""
        deadline = time.monotonic() + LEAVING_SECONDS
        # What our own git started may still be on its way out: its server's side, or its upkeep.
        while (users := list(self._users())) and time.monotonic() < deadline:
            # Between two looks, since they are no children of ours to wait for.
            time.sleep(LOOK_SECONDS)
        if users:
            raise OperationError(
                "the source cannot be fetched",
                self.shown,
                f"another git is at work in {self.path}: process {', '.join(users)}",
                host_command(f"ps -fp {','.join(users)}"),
            )
        done = as_owner.run(
            self.owner, ["find", self.path, "-name", "*.lock", "-type", "f", "-print", "-delete"], seconds=CHECK_SECONDS
        )
        return bool(done.output)

    def _users(self) -> Iterator[str]:
        """Numbers of the owner's processes that have this mirror among their variables, as every git in it has."""
        for number in filter(str.isdecimal, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{number}/environ", "rb") as file:
                if os.fstat(file.fileno()).st_uid == self._uid() and self.path.encode() in file.read():
                    yield number

    def failure(self, what: str, done: Finished) -> OperationError:
        """What git says, in one line, and how to try it."""
        lines = without_credentials(done.messages).strip().splitlines()
        return OperationError(
            what,
            self.shown,
            reason(lines),
            f'see "Private repositories" in docs/stack.md; to try it, '
            f"{host_command(f'sudo -u {self.owner} git ls-remote {shlex.quote(self.shown)}')}",
            log=lines[-20:],
        )


def settings(values: Mapping[str, str]) -> dict[str, str]:
    """Git's settings as variables: arguments can be read by everybody on the host."""
    result = {"GIT_CONFIG_COUNT": str(len(values))}
    for number, (key, value) in enumerate(values.items()):
        result |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return result


def reason(lines: list[str]) -> str:
    """What is wrong. What git itself says last is often only that it could not read; the reason stands before it."""
    told = [line.strip()[:300] for line in lines if line.strip() and not line.startswith(_ADVICE)]
    fatal = next((line for line in told if line.startswith(("fatal:", "error:"))), "")
    return "; ".join(dict.fromkeys(line for line in (*told[:1], fatal) if line)) or "no output"
