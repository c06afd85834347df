# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that no git would write: their writer may have changed git."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from release.adapters import source_tree
from release.errors import OperationError
from release.planning.source_view import View


def entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(data)
    padded = data + b"\0" * (-len(data) % 512)
    return info.tobuf(tarfile.PAX_FORMAT) + padded


def file_of(*entries: bytes) -> io.BytesIO:
    return io.BytesIO(b"".join(entries) + b"\0" * 10240)


def in_a_process(archive: bytes, tree: Path, below: str = "") -> list[str]:
    """As a build does it."""
    path = tree.parent / "archive"
    path.write_bytes(archive)
    with path.open("rb") as stream, source_tree.laying_out(stream, str(tree), below, 30, View(())) as answer:
        return source_tree.read_answer(answer, "the origin")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "tree"
    path.mkdir()
    return path


def test_what_is_made(tree: Path) -> None:
    archive = file_of(
        entry("a/b/run", b"run", mode=0o6777),
        entry("a/b/", kind=tarfile.DIRTYPE, mode=0o7777),
        entry("a/link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        entry("plain", b"x" * 3000000, mode=0o666),
        entry("empty"),
    )
    assert in_a_process(archive.getvalue(), tree, "below/here") == []
    place = tree / "below" / "here"
    modes = {name: os.lstat(place / name).st_mode & 0o7777 for name in ("a/b/run", "a/b", "plain")}
    assert modes == {"a/b/run": 0o755, "a/b": 0o755, "plain": 0o644}
    assert (place / "plain").stat().st_size == 3000000 and (place / "empty").read_bytes() == b""
    assert str((place / "a" / "link").readlink()) == "/etc/passwd"
    assert {os.lstat(path).st_uid for path in tree.rglob("*")} == {os.geteuid()}


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../out", b"x")],
        [entry("/out", b"x")],
        [entry("a/../../out", b"x")],
        [entry("a//b", b"x")],
        [entry("./a", b"x")],
        [entry(".git/config", b"x")],
        [entry("a", kind=tarfile.SYMTYPE, link=".."), entry("a/out", b"x")],
        [entry("a", kind=tarfile.SYMTYPE, link="/tmp"), entry("a", kind=tarfile.DIRTYPE), entry("a/out", b"x")],
        [entry("a", kind=tarfile.SYMTYPE, link="/out"), entry("a", b"x")],
        [entry("a", b"1"), entry("a", b"2")],
        [entry("a", kind=tarfile.LNKTYPE, link="/etc/passwd")],
        [entry("a", kind=tarfile.CHRTYPE)],
        [entry("a", kind=tarfile.BLKTYPE)],
        [entry("a", kind=tarfile.FIFOTYPE)],
        [entry("a", kind=tarfile.CONTTYPE)],
        [entry("a" + "/a" * 200, b"x")],
        [entry("a", b"x" * 2000)[:700]],
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_what_is_refused(tree: Path, entries: list[bytes], alone: bool) -> None:
    before = sorted(path for path in tree.parent.rglob("*") if tree not in path.parents)
    archive = b"".join(entries) + (b"" if len(entries[-1]) == 700 else b"\0" * 10240)
    if alone:
        with pytest.raises(OperationError, match="cannot be laid out"):
            in_a_process(archive, tree)
        (tree.parent / "archive").unlink()
    else:
        with pytest.raises((source_tree.ArchiveError, OSError, tarfile.TarError)):
            source_tree.lay_out(io.BytesIO(archive), str(tree))
    assert sorted(path for path in tree.parent.rglob("*") if tree not in path.parents) == before
    assert not os.path.lexists("/out") and not os.path.lexists("/tmp/out")


def test_limits(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_tree, "ENTRIES", 2)
    with pytest.raises(source_tree.ArchiveError, match="more than 2 files"):
        source_tree.lay_out(file_of(*(entry(name) for name in "abc")), str(tree))
    monkeypatch.setattr(source_tree, "BYTES", 2000)
    with pytest.raises(source_tree.ArchiveError, match="more than 2 files or"):
        source_tree.lay_out(file_of(entry("d", b"x" * 1500), entry("e", b"x" * 1500)), str(tree))


def test_a_header_that_takes_all_memory(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_tree, "MEMORY", 400 * 1024 * 1024)
    info = tarfile.TarInfo("a")
    info.type, info.size = tarfile.XHDTYPE, 6 * 1024**3
    with (tree.parent / "archive").open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.truncate(7 * 1024**3)
    with (
        (tree.parent / "archive").open("rb") as stream,
        source_tree.laying_out(stream, str(tree), "", 30, View(())) as answer,
        pytest.raises(OperationError, match=r"MemoryError|its process was stopped"),
    ):
        source_tree.read_answer(answer, "the origin")


def test_it_ends_by_itself(tree: Path) -> None:
    read, write = os.pipe()
    with (
        os.fdopen(read, "rb") as stream,
        source_tree.laying_out(stream, str(tree), "", 0, View(())) as answer,
        pytest.raises(OperationError, match="its process was stopped"),
    ):
        source_tree.read_answer(answer, "the origin")
    os.close(write)


def test_names_that_are_no_text(tree: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \n\\")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", encoding="utf-8", errors="surrogateescape") as tar:
        tar.addfile(tarfile.TarInfo(name))
    in_a_process(archive.getvalue(), tree)
    assert [path.name for path in tree.iterdir()] == [name]


def test_pointers_of_lfs(tree: Path) -> None:
    pointer = source_tree.LFS_POINTER + b"oid sha256:0\nsize 1\n"
    archive = file_of(entry("a/big", pointer), entry("about", b"version 1\n"), entry("long", pointer + b"x" * 2000))
    assert source_tree.lay_out(archive, str(tree)) == ["a/big"]
