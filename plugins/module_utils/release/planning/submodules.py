# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the submodules of a commit come from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

#: Addresses that a repository may name: of a transport that runs no program of its choosing.
_URL = re.compile(r"(https?|ssh|git)://[^\s]+")
#: `user@host:path`, which is SSH. A host never begins like an option.
_SCP = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^\s:][^\s]*")


def is_local(address: str) -> bool:
    """Whether a repository lies on the host itself."""
    return address.startswith(("/", "file:///"))


def protocols(address: str) -> str:
    """What git may use for a stack's source and all that it names, as GIT_ALLOW_PROTOCOL."""
    return "https:ssh:git:http" + (":file" if is_local(address) else "")


def resolved(address: str, parent: str) -> str:
    """The address of a submodule as its parent repository names it; empty if it may not be used."""
    if address.startswith(("./", "../")):
        return _beside(address, parent)
    if is_local(address):
        return address if is_local(parent) else ""
    return address if _URL.fullmatch(address) or ("://" not in address and _SCP.fullmatch(address)) else ""


def _beside(address: str, parent: str) -> str:
    """A relative address is beside its parent's, as `git submodule` has it."""
    match = re.match(r"[a-z]+://[^/]*|[^/]*:|", parent)
    start = match[0] if match else ""
    path = parent[len(start) :]
    names = [name for name in path.split("/") if name]
    for name in address.split("/"):
        if name == "..":
            if not names:
                return ""
            names.pop()
        elif name not in ("", "."):
            names.append(name)
    return start + ("/" if path.startswith("/") else "") + "/".join(names)


def read_modules(listing: bytes) -> dict[str, str]:
    """Addresses by path, of what `git config --null --get-regexp` shows of a .gitmodules file."""
    named: dict[str, dict[str, str]] = {}
    for row in listing.split(b"\0"):
        key, _newline, value = row.decode(errors="surrogateescape").partition("\n")
        if match := re.fullmatch(r"submodule\.(.*)\.(path|url)", key, re.DOTALL):
            named.setdefault(match[1], {})[match[2]] = value
    return {posixpath.normpath(known["path"]): known["url"] for known in named.values() if len(known) == 2}


def read_rows(listing: bytes) -> Iterator[tuple[str, str, str, str]]:
    """Mode, kind, number and path, of what `git ls-tree -z` shows. Whatever else is there, git does not write."""
    for row in re.finditer(rb"(\d{6}) ([a-z]+) ([0-9a-f]{40,64})\t([^\0]+)\0", listing):
        mode, kind, number, path = (part.decode(errors="surrogateescape") for part in row.groups())
        yield mode, kind, number, path


def read_sizes(listing: bytes) -> Iterator[tuple[str, str, str, str, int]]:
    """The same with the size of each file, of what `git ls-tree -z -l` shows."""
    for row in re.finditer(rb"(\d{6}) ([a-z]+) ([0-9a-f]{40,64}) +(\d{1,15}|-)\t([^\0]+)\0", listing):
        mode, kind, number, size, path = (part.decode(errors="surrogateescape") for part in row.groups())
        yield mode, kind, number, path, int(size) if size != "-" else 0


def read_links(listing: bytes) -> dict[str, str]:
    """Commits by path, of the same: where other repositories belong."""
    return {path: number for mode, _kind, number, path in read_rows(listing) if mode == "160000"}


def is_below(inner: str, outer: str) -> bool:
    """Whether a path is another one, or lies in it."""
    return outer in ("", ".", inner) or inner.startswith(f"{outer}/")


def needed(links: Mapping[str, str], folders: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """What of a commit is needed for these folders: paths of its own, and which of its links. A folder may be in
    another repository itself."""
    paths: dict[str, None] = {}
    wanted: dict[str, str] = {}
    for folder in folders:
        around = next((path for path in links if is_below(folder, path)), None)
        paths[around or folder] = None
        wanted.update({path: commit for path, commit in links.items() if path == around or is_below(path, folder)})
    return list(paths), wanted


def ancestors(paths: Sequence[str]) -> list[str]:
    """The paths and every folder above them, each once."""
    found: dict[str, None] = {}
    for path in paths:
        names = path.split("/")
        found.update(dict.fromkeys("/".join(names[: number + 1]) for number in range(len(names))))
    return list(found)
