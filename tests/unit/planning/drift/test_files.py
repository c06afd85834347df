# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are searched, and how their bytes become text."""

from __future__ import annotations

import pytest

from release.planning.drift.files import Lines, is_for_people, is_searched, kind_of, text_of
from release.util.ignores import Ignores


@pytest.mark.parametrize(
    "path",
    [
        "package-lock.json",
        "a/yarn.lock",
        "pnpm-lock.yaml",
        "uv.lock",
        "go.sum",
        "Podfile.lock",
        "x.PNG",
        "a/b.woff2",
        "bun.lockb",
    ],
)
def test_locks_and_binaries_are_left_out(path: str) -> None:
    assert not is_searched(path, Ignores([]))


@pytest.mark.parametrize(
    "path", ["package.json", "lock.ts", "Dockerfile", ".env.example", "a.svg", "eas.json", "x.yml"]
)
def test_all_else_is_not(path: str) -> None:
    assert is_searched(path, Ignores([])) and not is_searched(path, Ignores(["**"]))


def test_patterns_of_the_stack() -> None:
    ignored = Ignores(["vendor", "**/*.snap"])
    assert [is_searched(path, ignored) for path in ("vendor/x.js", "a/b.snap", "a/vendor.js")] == [False, False, True]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/b.tsx", "script"),
        ("b.vue", "script"),
        ("b.py", "python"),
        ("README.md", "docs"),
        (".env", "example"),
        ("web/.env.example", "example"),
        (".env.production", "example"),
        ("env.sample", "example"),
        ("app.env", "example"),
        ("environment.yml", "other"),
        ("eas.json", "other"),
        ("Dockerfile", "other"),
    ],
)
def test_kinds(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_what_is_there_to_be_copied() -> None:
    assert (
        is_for_people("a/.env.example") and is_for_people("env.sample") and not is_for_people("example/.env.production")
    )


def test_bytes() -> None:
    assert text_of(b"\0PNG https://a.b.com") == b"" == text_of(b"")
    assert text_of("https://a".encode("utf-16")) == b"https://a"
    assert text_of(b"\xff\xfeabc") and text_of(b"\xff\xfa https://a") == b"\xff\xfa https://a"
    assert text_of(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n") == b""


def test_lines() -> None:
    lines = Lines(b"a\nb\nc\n")
    assert [lines.at(place) for place in (0, 2, 2, 4, 0, 4)] == [1, 2, 2, 3, 1, 3]
