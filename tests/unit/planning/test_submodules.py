# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where submodules come from, and which of them a build needs."""

from __future__ import annotations

import pytest

from release.planning import submodules

HTTPS, SCP, LOCAL = "https://git.example/me/shop.git", "git@git.example:me/shop.git", "/srv/git/shop.git"


@pytest.mark.parametrize(
    ("address", "parent", "expected"),
    [
        ("../lib.git", HTTPS, "https://git.example/me/lib.git"),
        ("../../you/lib.git", HTTPS, "https://git.example/you/lib.git"),
        ("./lib.git", HTTPS, "https://git.example/me/shop.git/lib.git"),
        ("../lib.git", "ssh://git@git.example:2222/me/shop.git", "ssh://git@git.example:2222/me/lib.git"),
        ("../lib.git", SCP, "git@git.example:me/lib.git"),
        ("../lib.git", "git@git.example:/srv/shop.git", "git@git.example:/srv/lib.git"),
        ("../lib.git", LOCAL, "/srv/git/lib.git"),
        ("../lib.git", "file:///srv/git/shop.git", "file:///srv/git/lib.git"),
        ("../../../lib.git", HTTPS, ""),
        ("https://other.example/lib", HTTPS, "https://other.example/lib"),
        ("git@other.example:lib", HTTPS, "git@other.example:lib"),
        ("other:lib", HTTPS, "other:lib"),
        ("/srv/git/lib.git", LOCAL, "/srv/git/lib.git"),
        ("file:///srv/git/lib.git", LOCAL, "file:///srv/git/lib.git"),
        ("/srv/git/lib.git", HTTPS, ""),
        ("file:///etc", SCP, ""),
        ("file://host/etc", LOCAL, ""),
        ("ext::sh -c id", HTTPS, ""),
        ("ext::id", LOCAL, ""),
        ("fd::17", HTTPS, ""),
        ("transport::https://x", HTTPS, ""),
        ("ftp://other.example/lib", HTTPS, ""),
        ("-oProxyCommand=id", HTTPS, ""),
        ("-x@host:lib", HTTPS, ""),
        ("https://other.example/a\nb", HTTPS, ""),
        ("lib", HTTPS, ""),
        ("", HTTPS, ""),
    ],
)
def test_addresses(address: str, parent: str, expected: str) -> None:
    assert submodules.resolved(address, parent) == expected


def test_what_git_may_use() -> None:
    for remote in (HTTPS, SCP):
        assert submodules.protocols(remote) == "https:ssh:git:http"
    assert submodules.protocols(LOCAL) == "https:ssh:git:http:file"


def test_the_file_that_names_them() -> None:
    rows = [
        "submodule.a.path\nlib/a",
        "submodule.a.url\n../a",
        "submodule.a.update\n!rm -rf /",
        "submodule.b.c.url\nhttps://x/b",
        "submodule.b.c.path\nb c/",
        "submodule.half.path\nhalf",
        "core.editor\nx",
        "",
    ]
    assert submodules.read_modules("\0".join(rows).encode()) == {"lib/a": "../a", "b c": "https://x/b"}
    assert submodules.read_modules(b"") == {}


def test_links() -> None:
    one, two, three = (number * 40 for number in (b"1", b"2", b"3"))
    rows = [b"100644 blob %b\ta\tb" % one, b"160000 commit %b\tlib/b c" % two, b"160000 commit %b\tlib\xff" % three]
    listing = b"".join(row + b"\0" for row in rows)
    assert submodules.read_links(listing) == {"lib/b c": "2" * 40, "lib\udcff": "3" * 40}
    assert [path for *_about, path in submodules.read_rows(listing)] == ["a\tb", "lib/b c", "lib\udcff"]


@pytest.mark.parametrize("listing", [b"", b"160000", b"160000 commit\0", b"160000 commit x\ta\0", b"\xff\0" * 9])
def test_a_listing_that_git_does_not_write(listing: bytes) -> None:
    assert submodules.read_links(listing) == {}


@pytest.mark.parametrize(
    ("folders", "paths", "wanted"),
    [
        (["web"], ["web"], []),
        (["api"], ["api"], ["api/lib"]),
        (["."], ["."], ["api/lib", "vendor"]),
        (["vendor"], ["vendor"], ["vendor"]),
        (["vendor/app", "web"], ["vendor", "web"], ["vendor"]),
        (["api/lib/x", "api/lib/y"], ["api/lib"], ["api/lib"]),
        (["vendor2", "ven"], ["vendor2", "ven"], []),
    ],
)
def test_what_a_build_needs(folders: list[str], paths: list[str], wanted: list[str]) -> None:
    found = submodules.needed({"api/lib": "1", "vendor": "2"}, folders)
    assert (found[0], list(found[1])) == (paths, wanted)


def test_folders_above() -> None:
    assert submodules.ancestors(["a/b/c", "a/d", "."]) == ["a", "a/b", "a/b/c", "a/d", "."]
