# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a commit are searched, and as what."""

from __future__ import annotations

import posixpath
import re
from typing import Literal

from ...util.ignores import Ignores
from ...util.texts import words

Kind = Literal["script", "python", "example", "docs", "other"]

#: Larger files are data. They are counted and named.
LARGEST = 4_000_000
#: Git too takes a file for binary that has a zero among its first bytes.
BEGINNING = 8000
LFS_POINTER = b"version https://git-lfs.github.com/spec/"

_SCRIPTS = words(
    """
    js jsx mjs cjs ts tsx mts cts vue svelte astro
    """
)
_DOCS = words(
    """
    md mdx markdown rst adoc txt
    """
)
_BINARY = words(
    """
    png jpg jpeg gif webp avif ico bmp tif tiff psd icns woff woff2 ttf otf eot mp3 mp4 m4a mov avi webm ogg wav
    flac zip gz tgz bz2 xz zst 7z rar tar jar war aar apk aab ipa keystore jks p12 so dylib dll exe bin wasm pyc
    class o a pdf doc docx xls xlsx ppt pptx sqlite sqlite3 db lockb
    """
)
#: What a program writes of the packages that it found. Their addresses are no one's choice.
_LOCKS = re.compile(
    r"package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.ya?ml|go\.(sum|work\.sum)|packages\.lock\.json|"
    r"gradle\.lockfile|Package\.resolved|[\w.-]+[.-]lock(\.json|\.ya?ml)?"
)
_EXAMPLE = re.compile(r"\.?env([._-][\w.-]+)?|[\w.-]+\.env([._-]?(example|sample|template|dist))?", re.IGNORECASE)
_FOR_PEOPLE = re.compile(r"example|sample|template|dist", re.IGNORECASE)


def is_searched(path: str, leave_out: Ignores) -> bool:
    """Whether a file is worth reading, by its name."""
    name = posixpath.basename(path)
    ending = name.rpartition(".")[2].lower()
    return not (ending in _BINARY or _LOCKS.fullmatch(name) or (leave_out and leave_out.ignores(path)))


def kind_of(path: str) -> Kind:
    name = posixpath.basename(path)
    ending = name.rpartition(".")[2].lower()
    if ending in _SCRIPTS:
        return "script"
    if ending == "py":
        return "python"
    if ending in _DOCS:
        return "docs"
    return "example" if _EXAMPLE.fullmatch(name) else "other"


def is_for_people(path: str) -> bool:
    """Whether a file of values is there to be copied."""
    return _FOR_PEOPLE.search(posixpath.basename(path)) is not None


def text_of(data: bytes) -> bytes:
    """What can be searched; empty for binary data. Windows writes text in two bytes for each character."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace").encode()
    return b"" if b"\0" in data[:BEGINNING] or data.startswith(LFS_POINTER) else data


class Lines:
    """Numbers of lines by place, for places that only grow."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place, self._number = data, 0, 1

    def at(self, place: int) -> int:
        if place < self._place:
            self._place, self._number = 0, 1
        self._number += self._data.count(b"\n", self._place, place)
        self._place = place
        return self._number
