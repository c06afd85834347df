# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a log while it is written, rotated and removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.log_files import Writer

from release.adapters.log_file import OpenFile
from release.adapters.log_files import LogFiles
from release.releases.logs import Line, Wish

FORMATS = ("local", "json-file")


@pytest.fixture(params=FORMATS)
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Writer:
    return Writer(tmp_path / "docker" / "container.log", request.param)


def reader(writer: Writer, moved: str = "", since: float = 0.0, *, is_over: bool = False) -> LogFiles:
    driver = FORMATS[writer.record.__name__ == "json_file"]
    return LogFiles(str(writer.path), driver, lambda: moved, since, is_over=is_over)


def numbers(lines: list[Line]) -> list[int]:
    return [int(line.text) for line in lines]


def everything(log: LogFiles) -> list[int]:
    found: list[int] = []
    while lines := log.read():
        found += numbers(lines)
    return found


def write(writer: Writer, first: int, after: int) -> None:
    for number in range(first, after):
        writer.write(1000 + number, b"%d" % number)


def test_from_the_oldest_file_on(writer: Writer) -> None:
    write(writer, 0, 3)
    writer.rotate()
    write(writer, 3, 5)
    writer.rotate(compress=False)
    log = reader(writer)
    assert everything(log) == [0, 1, 2, 3, 4] and not log.ended
    write(writer, 5, 7)
    assert everything(log) == [5, 6] and log.troubles == []


@pytest.mark.parametrize("late", [True, False])
def test_rotated_while_it_is_read(writer: Writer, late: bool) -> None:
    """Three rotations between two looks: none is missed, whether or not the files are compressed by then."""
    write(writer, 0, 2)
    log = reader(writer)
    assert everything(log) == [0, 1]
    for number in range(2, 8, 2):
        write(writer, number, number + 1)
        writer.rotate(compress=False)
        write(writer, number + 1, number + 2)
        if not (late and number == 6):
            writer.compress()
    assert everything(log) == [2, 3, 4, 5, 6, 7] and log.troubles == []


def test_written_and_rotated_between_two_questions(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its end was read and before its name is looked at, the file gets its last lines and another name."""
    write(writer, 0, 2)
    log = reader(writer)
    assert numbers(log.read()) == [0, 1]
    asked = OpenFile.is_at
    left = [1]

    def is_at(file: OpenFile, path: str) -> bool:
        if left:
            left.clear()
            write(writer, 2, 4)
            writer.rotate()
            write(writer, 4, 5)
        return asked(file, path)

    monkeypatch.setattr(OpenFile, "is_at", is_at)
    assert everything(log) == [2, 3, 4]


def test_lines_that_were_rotated_away_are_said(writer: Writer) -> None:
    write(writer, 0, 2)
    log = reader(writer)
    assert everything(log) == [0, 1]
    for number in range(2, 10):
        writer.rotate()
        write(writer, number, number + 1)
    assert everything(log) == [5, 6, 7, 8, 9]
    assert log.troubles == ["lines are missing here: they were rotated away before they were read"]


def test_the_last_file_goes_after_the_next_was_known(writer: Writer) -> None:
    """The open file is pushed out, but the one after it is there: nothing is missing."""
    write(writer, 0, 2)
    for number in range(2, 6):
        writer.rotate()
        write(writer, number, number + 1)
    log = reader(writer)
    assert numbers(log.read()) == [0, 1]
    writer.rotate()
    write(writer, 6, 7)
    assert everything(log) == [2, 3, 4, 5, 6] and log.troubles == []


@pytest.mark.parametrize("way", [os.link, shutil.copy2])
@pytest.mark.parametrize("rotated", [True, False])
def test_its_container_is_removed_meanwhile(
    writer: Writer, tmp_path: Path, way: Callable[[Path, Path], object], rotated: bool
) -> None:
    write(writer, 0, 2)
    kept = tmp_path / "kept" / "container.log"
    log = reader(writer, str(kept))
    assert everything(log) == [0, 1]
    half = writer.record(1002, b"2")
    writer.raw(half[:9])
    assert log.read() == []
    writer.raw(half[9:])
    if rotated:
        writer.rotate()
    write(writer, 3, 5)
    kept.parent.mkdir()
    for path in writer.path.parent.iterdir():
        way(path, kept.parent / path.name)
        path.unlink()
    assert everything(log) == [2, 3, 4] and log.ended and log.troubles == []


def test_it_is_removed_by_somebody_else(writer: Writer) -> None:
    write(writer, 0, 2)
    log = reader(writer)
    assert numbers(log.read()) == [0, 1]
    write(writer, 2, 3)
    writer.path.unlink()
    assert everything(log) == [2] and log.ended
    gone = reader(writer)
    assert gone.read() == [] and gone.ended


def test_what_is_over_ends(writer: Writer) -> None:
    write(writer, 0, 2)
    writer.write(5, b"no end", goes_on=True)
    log = reader(writer, is_over=True)
    assert numbers(log.read()) == [0, 1]
    assert log.read() == [Line(5, "stdout", b"no end", whole=False)] and log.ended


def test_half_a_record_waits_for_its_rest(writer: Writer) -> None:
    record = writer.record(7, b"12345")
    log = reader(writer)
    for byte in record[:-1]:
        writer.raw(bytes([byte]))
        assert log.read() == []
    writer.raw(record[-1:])
    assert log.read() == [Line(7, "stdout", b"12345")]


def test_a_damaged_log_is_said(writer: Writer) -> None:
    write(writer, 0, 2)
    writer.raw(b"\xff\xff\xff\xff\n")
    log = reader(writer)
    assert log.read() == [] and log.ended and "is damaged" in log.troubles[0]
    assert reader(writer).tail(3, Wish()) == []


def test_a_cut_off_file_is_said(writer: Writer) -> None:
    write(writer, 0, 2000)
    writer.rotate()
    older = Path(f"{writer.path}.1.gz")
    older.write_bytes(older.read_bytes()[:-20])
    log = reader(writer)
    everything(log)
    assert log.ended and "is damaged" in log.troubles[0]


def test_tail_and_what_comes_after_it(writer: Writer) -> None:
    for number in range(0, 12, 3):
        write(writer, number, number + 3)
        writer.rotate(compress=number < 9)
    write(writer, 12, 14)
    assert numbers(reader(writer).tail(1, Wish())) == [13]
    assert numbers(reader(writer).tail(100, Wish())) == list(range(14))
    assert numbers(reader(writer).tail(3, Wish(grep=b"1"))) == [11, 12, 13]
    assert numbers(reader(writer).tail(9, Wish(since=1007))) == list(range(7, 14))
    log = reader(writer)
    assert numbers(log.tail(6, Wish())) == [8, 9, 10, 11, 12, 13]
    write(writer, 14, 15)
    writer.rotate()
    write(writer, 15, 16)
    assert everything(log) == [14, 15]


def test_files_of_before_are_not_read(writer: Writer) -> None:
    write(writer, 0, 2)
    writer.rotate()
    os.utime(f"{writer.path}.1.gz", (100, 100))
    write(writer, 2, 3)
    assert everything(reader(writer, since=200)) == [2]
    os.utime(writer.path, (100, 100))
    assert everything(reader(writer, since=200)) == [2]


def test_a_link_is_not_followed(writer: Writer, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(writer.record(1, b"1"))
    writer.path.unlink()
    writer.path.symlink_to(secret)
    for log in (reader(writer), reader(writer)):
        assert log.read() == [] and log.tail(5, Wish()) == []
        assert log.ended and "cannot be read" in log.troubles[0]
