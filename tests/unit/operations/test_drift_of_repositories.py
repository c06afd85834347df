# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift of real repositories, read as the git adapter reads them."""

from __future__ import annotations

import dataclasses
import getpass
import os
import subprocess
from pathlib import Path

import pytest
from fakes.stacks import shop_definition
from fakes.world import World
from support.commands import git

from release.adapters.git import Git
from release.errors import RefusedError
from release.operations import drift
from release.planning.drift.report import DriftReport
from release.stack.model import Stack
from release.stack.reader import read_stack

pytestmark = pytest.mark.programs

API = "https://api.shop.example"
WRONG = b"fetch('https://old.other.app/x')\n"


class Source:
    """A repository with files, and a host that has its mirror."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path / "origin"
        self.path.mkdir()
        git(self.path, "init", "--quiet", "--initial-branch=main")
        definition = shop_definition()
        definition.update(
            secrets=[], source=str(self.path), directory=str(tmp_path / "shop"), drift={"canonical": [API]}
        )
        for app in definition["apps"].values():
            app["context"] = "api"
        # Whoever runs the tests, which may be root.
        self.stack: Stack = dataclasses.replace(read_stack("shop", definition), owner=getpass.getuser())
        self.host = dataclasses.replace(World(str(tmp_path)).host, git=Git(state=str(tmp_path / "state")))

    def write(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.commit()

    def commit(self) -> None:
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--allow-empty", "-m", "more")

    def look(self, version: str = "") -> DriftReport:
        return drift.request(self.host, self.stack, version)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


def places(report: DriftReport) -> list[str]:
    return sorted(one.place for one in report.new)


def test_the_commit_counts_not_the_checkout(source: Source) -> None:
    source.write({"api/a.ts": WRONG, "b.md": b"none"})
    (source.path / "b.md").write_bytes(WRONG)
    report = source.look()
    assert places(report) == ["api/a.ts:1"] and report.files == 2 and not report.ok
    git(source.path, "checkout", "--quiet", "-b", "fixed")
    source.write({"api/a.ts": b"fixed", "b.md": b"none"})
    assert places(source.look()) == ["api/a.ts:1"], "the stack's version"
    fixed = source.look("fixed")
    assert fixed.ok and fixed.version == "fixed" and fixed.commit == git(source.path, "rev-parse", "HEAD")


def test_links_locks_and_binaries_are_left_out(source: Source) -> None:
    (source.path / "link.md").symlink_to("/etc/https://old.other.app")
    source.write({"package-lock.json": WRONG, "a.png": WRONG, "b.bin": b"\0" + WRONG, "c.txt": b"x"})
    report = source.look()
    assert report.ok and report.files == 1


def test_odd_names_and_bytes(source: Source) -> None:
    deep = "/".join(["d" * 20] * 40)
    names = [f"{deep}/a.ts", "two words\u00e4.ts", 'q"uo\tte.ts']
    source.write({**dict.fromkeys(names, WRONG), "bad.ts": b"\xff\xfa\xfe\n" + WRONG, "nothing": b""})
    odd = os.fsencode(source.path) + b"/\xff\xfe.ts"
    Path(os.fsdecode(odd)).write_bytes(WRONG)
    source.commit()
    report = source.look()
    assert [place.encode(errors="surrogateescape") for place in places(report)] == [
        place.encode(errors="surrogateescape")
        for place in sorted([*(f"{name}:1" for name in names), "bad.ts:2", f"{os.fsdecode(b'')}\udcff\udcfe.ts:1"])
    ]


def test_one_file_that_is_there_often(source: Source) -> None:
    source.write({"a.ts": WRONG, "b/c.ts": WRONG})
    assert places(source.look()) == ["a.ts:1", "b/c.ts:1"]


def test_large_files_are_told(source: Source) -> None:
    source.write({"a.ts": b"x" * 4_000_001, "b.ts": b"\n" * 3_999_900 + WRONG})
    assert [(one.code, one.file) for one in source.look().new] == [("not searched", "a.ts"), ("unknown host", "b.ts")]


def test_submodules_as_builds_see_them(source: Source, tmp_path: Path) -> None:
    """Below or around an app's folder; others are in no build, and may be out of reach."""
    for name in ("seen", "unseen"):
        git(tmp_path, "init", "--quiet", "--initial-branch=main", name)
        (tmp_path / name / "x.ts").write_bytes(WRONG)
        git(tmp_path / name, "add", ".")
        git(tmp_path / name, "commit", "--quiet", "-m", "one")
    source.write({"api/Dockerfile": b"FROM scratch"})
    allow = ("-c", "protocol.file.allow=always")
    git(source.path, *allow, "submodule", "--quiet", "add", "../seen", "api/lib")
    git(source.path, *allow, "submodule", "--quiet", "add", "../unseen", "docs")
    source.commit()
    assert [place for place in places(source.look()) if not place.startswith(".git")] == ["api/lib/x.ts:1"]


def test_the_baseline_of_the_commit(source: Source) -> None:
    known = b'{"known": [{"name": "old.other.app", "file": "*.ts", "reason": "history", "count": 1}]}'
    source.write({"a.ts": WRONG, "drift-baseline.json": known})
    report = source.look()
    assert report.ok and len(report.known) == 1 and report.stale == []
    source.write({"a.ts": WRONG * 2})
    assert places(source.look()) == ["a.ts:2"]
    source.write({"a.ts": b"gone"})
    assert source.look().stale == ["old.other.app in *.ts is no longer there"]
    source.write({"a.ts": WRONG, "drift-baseline.json": b'{"known": [{"name": "old.other.app"}, {"reason": "x"}]}'})
    assert [one.code for one in source.look().new if one.is_error] == ["baseline"] * 2


def test_ten_thousand_files(source: Source) -> None:
    """From the mirror to the findings, in the time of all processes: machines are busy."""
    text = b"  const value = await this.props.user.response.filter(async (item) => item.name);\n" * 50
    files = {f"d{number % 100}/{number}.ts": b"// %d\n" % number + text for number in range(10_000)} | {"a.ts": WRONG}
    rows = [b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data) for name, data in files.items()]
    commit = b"commit refs/heads/main\ncommitter A <a@example.invalid> 1700000000 +0000\ndata 0\n"
    subprocess.run(["git", "-C", str(source.path), "fast-import", "--quiet"], input=commit + b"".join(rows), check=True)
    source.host.git.fetch(source.stack)
    begun = sum(os.times()[:4])
    report = source.look()
    assert report.files == 10_001 and places(report) == ["a.ts:1"]
    assert sum(os.times()[:4]) - begun < 5


def test_what_cannot_be_looked_at_is_refused(source: Source, tmp_path: Path) -> None:
    source.write({})
    with pytest.raises(RefusedError, match="is not a branch, tag or commit"):
        source.look("nothing")
    with pytest.raises(RefusedError, match="does not say what its source may name"):
        drift.request(source.host, dataclasses.replace(source.stack, drift=None))
    with pytest.raises(RefusedError, match="cannot be fetched"):
        drift.request(source.host, dataclasses.replace(source.stack, source=str(tmp_path / "nowhere")))
    with pytest.raises(RefusedError, match="no remote"):
        drift.request(source.host, dataclasses.replace(source.stack, source=""))
