# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of containers that are removed, and of builds."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest
from fakes.log_files import Writer

from release.adapters import log_archive
from release.adapters.log_archive import TIDIED, LogArchive, log_path
from release.adapters.log_files import LogFiles
from release.planning import logs as planning

LABELS = {
    "release.onehost.stack": "shop",
    "release.onehost.environment": "production",
    "release.onehost.app": "api",
    "release.onehost.id": "r1",
    "release.onehost.slot": "blue",
}


def inspected(home: Path, driver: str = "local", **labels: str) -> dict[str, Any]:
    return {
        "Id": home.name,
        "HostnamePath": str(home / "hostname"),
        "HostConfig": {"LogConfig": {"Type": driver}},
        "Config": {"Labels": {**LABELS, **labels}},
    }


def container(tmp_path: Path, name: str, *, driver: str = "local", lines: int = 2) -> tuple[dict[str, Any], Writer]:
    home = tmp_path / "containers" / name
    data = inspected(home, driver)
    writer = Writer(Path(log_path(data)), driver)
    for number in range(lines):
        writer.write(number, b"%d" % number)
    return data, writer


def lines_of(archive: LogArchive, name: str) -> list[bytes]:
    source = next(source for source in archive.sources("shop") if source.id == name)
    log = LogFiles(archive.path(source), source.driver, str, is_over=source.is_over)
    found = []
    while lines := log.read():
        found += [line.text for line in lines]
    return found


def kept_names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "state/shop/logs").iterdir() if path.name != TIDIED)


@pytest.mark.parametrize("driver", ["local", "json-file"])
def test_a_log_outlives_its_container(tmp_path: Path, driver: str) -> None:
    data, writer = container(tmp_path, "c1", driver=driver)
    writer.rotate()
    writer.write(2, b"2")
    archive = LogArchive(str(tmp_path / "state"))
    archive.keep(data, 5.0)
    (source,) = archive.sources("shop")
    assert (source.app, source.release, source.began, source.is_over) == ("api", "r1", 5.0, True)
    assert source.size > 0 and abs(source.changed - time.time()) < 60
    for path in writer.path.parent.iterdir():
        path.unlink()
    assert lines_of(archive, "c1") == [b"0", b"1", b"2"]
    kept = tmp_path / "state/shop/logs"
    assert kept.stat().st_mode & 0o777 == (kept / "c1").stat().st_mode & 0o777 == 0o700


def test_kept_again_after_a_kill(tmp_path: Path) -> None:
    """Its container is still there, and may have written more."""
    data, writer = container(tmp_path, "c1")
    archive = LogArchive(str(tmp_path / "state"))
    (tmp_path / "state/shop/logs/c1.partial/x").mkdir(parents=True)
    archive.keep(data, 5.0)
    writer.rotate()
    writer.write(2, b"2")
    LogArchive(str(tmp_path / "state")).keep(data, 5.0)
    assert lines_of(archive, "c1") == [b"0", b"1", b"2"]
    assert kept_names(tmp_path) == ["c1"]


def test_on_another_file_system_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other)
    data, writer = container(tmp_path, "c1")
    archive = LogArchive(str(tmp_path / "state"))
    archive.keep(data, 5.0)
    writer.path.unlink()
    assert lines_of(archive, "c1") == [b"0", b"1"]


def test_what_has_nothing_to_keep(tmp_path: Path) -> None:
    archive = LogArchive(str(tmp_path / "state"))
    archive.keep(container(tmp_path, "empty", lines=0)[0], 5.0)
    archive.keep(inspected(tmp_path / "gone"), 5.0)
    archive.keep(inspected(tmp_path / "elsewhere", "syslog"), 5.0)
    archive.keep({**inspected(tmp_path / "new"), "HostnamePath": ""}, 5.0)
    archive.keep({**container(tmp_path, "other")[0], "Config": {"Labels": None}}, 5.0)
    assert archive.sources("shop") == [] and not (tmp_path / "state").exists()


def test_a_log_that_cannot_be_kept_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(log_archive.syslog, "syslog", lambda _level, text: said.append(text))
    (tmp_path / "state").write_text("a file where a directory should be")
    archive = LogArchive(str(tmp_path / "state"))
    archive.keep(container(tmp_path, "c1")[0], 5.0)
    with archive.build("shop", "api", "abc") as add:
        add("step 1")
    assert len(said) == 3 and said[0].startswith("the log of shop production api c1 is not kept: ")


def test_only_so_much_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "KEPT_NUMBER", 2)
    monkeypatch.setattr(log_archive, "TIDY_SECONDS", 0)
    archive = LogArchive(str(tmp_path / "state"))
    for name in ("c0.partial", "damaged"):
        (tmp_path / "state/shop/logs" / name).mkdir(parents=True)
        os.utime(tmp_path / "state/shop/logs" / name, (100, 100))
    for number in range(1, 5):
        data, writer = container(tmp_path, f"c{number}")
        os.utime(writer.path, (time.time() + number, time.time() + number))
        archive.keep(data, float(number))
    assert kept_names(tmp_path) == ["c3", "c4"]


def test_it_is_tidied_once_in_an_hour_or_for_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A promote does not look at everything that is kept each time."""
    monkeypatch.setattr(planning, "KEPT_NUMBER", 1)
    archive = LogArchive(str(tmp_path / "state"))

    def keep(name: str, lines: int = 2) -> list[str]:
        archive.keep(container(tmp_path, name, lines=lines)[0], 1.0)
        return kept_names(tmp_path)

    assert keep("c1") == ["c1"]
    assert keep("c2") == ["c1", "c2"]
    assert keep("large", lines=40_000) == ["large"]
    assert keep("c3") == ["c3", "large"]
    os.utime(tmp_path / "state/shop/logs" / TIDIED, (100, 100))
    assert keep("c4") == ["c4"]


def test_a_build(tmp_path: Path) -> None:
    archive = LogArchive(str(tmp_path / "state"))
    with archive.build("shop", "api", "abcdef123456") as add:
        add("#1 [1/2] FROM base")
        (source,) = archive.sources("shop")
        assert (source.kind, source.app, source.release, source.is_over) == ("build", "api", "abcdef123456", False)
        assert lines_of(archive, source.id) == [b"#1 [1/2] FROM base"]
        add("é")
    assert lines_of(archive, source.id)[1] == "é".encode()
    assert archive.sources("shop")[0].is_over


def test_damaged_ones_are_left_out(tmp_path: Path) -> None:
    archive = LogArchive(str(tmp_path / "state"))
    archive.keep(container(tmp_path, "c1")[0], 5.0)
    (tmp_path / "state/shop/logs/c1/about.json").write_text("{}")
    (tmp_path / "state/shop/logs/stray").mkdir()
    assert LogArchive(str(tmp_path / "state")).sources("shop") == []
