# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The git commands and files of the module `checkout`, run and written as the owner of the checkout.
import os

from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError
from ansible_collections.onehost.release.plugins.module_utils.release.util import as_owner

BEGIN = "# BEGIN kept here by onehost.release"
END = "# END kept here by onehost.release"


class RepositoryError(Exception):
    """A program in the repository failed, and what it said."""


class Repository:
    """The repository in a directory, through programs that run as its owner."""

    def __init__(self, path: str, owner: str) -> None:
        self.path, self._owner = path, owner
        self.exclude_file = os.path.join(path, ".git", "info", "exclude")

    def exists(self) -> bool:
        return os.path.lexists(os.path.join(self.path, ".git"))

    def run(self, *words: str, ends: tuple[int, ...] = (0,), text: str = "") -> str:
        """The output of a program. It must end with one of these exit codes."""
        try:
            done = as_owner.run(self._owner, words, text=text, umask=0o022)
        except (OSError, OperationError, ValueError) as error:
            raise RepositoryError(f"{' '.join(words)}: {error}") from error
        if done.code not in ends:
            raise RepositoryError(f"{' '.join(words)}: {done.messages.strip()}")
        return done.text

    def git(self, *words: str, ends: tuple[int, ...] = (0,)) -> str:
        return self.run("git", "-C", self.path, *words, ends=ends)

    def source(self) -> str:
        return self.git("config", "--local", "--get", "remote.origin.url", ends=(0, 1)).rstrip("\n")

    def excluded(self) -> str:
        """Everything that is excluded, by us and by others. Read as the owner: shows nothing they may not read."""
        return self.run("cat", self.exclude_file) if os.path.lexists(self.exclude_file) else ""

    def exclude(self, text: str) -> None:
        self.run("mkdir", "-p", os.path.dirname(self.exclude_file))
        self.run("tee", self.exclude_file, text=text)


def with_block(text: str, names: list[str]) -> str:
    """The text with our block as it must be: in its old place, or else at the end."""
    block = [BEGIN, *(f"/{name}" for name in names), END]
    lines = text.splitlines()
    if BEGIN in lines and END in lines[lines.index(BEGIN) :]:
        first = lines.index(BEGIN)
        last = lines.index(END, first)
        lines[first : last + 1] = block
    else:
        lines += block
    return "".join(f"{line}\n" for line in lines)
