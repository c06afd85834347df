# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are shown to gitleaks, where it is installed, and what it finds stops a promote."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest
from fakes.gitleaks import AWS_KEY, STAND_IN, install
from fakes.images import Exported, Images
from fakes.world import World

from release.adapters.gitleaks import Gitleaks
from release.errors import OperationError
from release.operations import pattern_scan


@pytest.fixture
def gitleaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gitleaks:
    return install(tmp_path / "bin", STAND_IN, monkeypatch)


def on(world: World, scanner: Gitleaks, docker: Exported, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(world.docker, "export", docker.export, raising=False)
    object.__setattr__(world.host, "scanner", scanner)
    return world


def search(world: World) -> tuple[list[str], str]:
    return pattern_scan.search_new(world.host, world.stack, ["sha256:1"])


def test_what_an_app_brings_is_searched(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = (
        {"app/config.js": b"key = " + AWS_KEY, "app/clean.js": b""},
        {"srv/www/.env": AWS_KEY},
        {"srv/www/.wh..env": b""},
    )
    on(world, gitleaks, Images(*layers), monkeypatch)
    found, said = search(world)
    assert found == ["aws-access-token in /app/config.js", "aws-access-token in /srv/www/.env"]
    assert said == "gitleaks 8.99.0"
    assert AWS_KEY.decode() not in repr((found, said))


def test_the_system_is_left_out(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    system = ("usr/lib/python3/test/key.pem", "./usr/local/lib/node_modules/npm/key", "/etc/ssl/private/x", "lib/x")
    on(world, gitleaks, Images(dict.fromkeys(system, AWS_KEY)), monkeypatch)
    assert search(world)[0] == []
    assert pattern_scan.is_added("usr/share/nginx/html/main.js") and pattern_scan.is_added("library/x")


def test_an_image_is_searched_once(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Images({"app/x": b"clean"})
    on(world, gitleaks, docker, monkeypatch)
    assert [search(world)[0], search(world)[0]] == [[], []] and docker.asked == 1
    dirty = Images({"app/x": AWS_KEY})
    on(world, gitleaks, dirty, monkeypatch)
    assert pattern_scan.search_new(world.host, world.stack, ["sha256:2"])[0]
    assert pattern_scan.search_new(world.host, world.stack, ["sha256:2"])[0] and dirty.asked == 2


def test_nothing_is_written_outside_or_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "in" / "files"
    target.parent.mkdir()
    pattern_scan.lay_out(
        Images({"../../out": AWS_KEY, "app/../../../out2": AWS_KEY, "/app/in": AWS_KEY}), ["x"], str(target)
    )
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in written] == ["in"]
    assert written[0].stat().st_mode & 0o777 == 0o600


LONG = "n" * 300
DEEP = "/".join(["d" * 200] * 25)


def test_a_name_that_no_disk_can_keep_is_searched_too(
    world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer may hold names of any length, and a file that is a directory later, or is there twice."""
    first = [(f"app/{LONG}", AWS_KEY), (f"{DEEP}/x", AWS_KEY), ("app/a", b""), ("app/a/b", AWS_KEY)]
    again = [("app/twice", AWS_KEY), ("app/twice", b"clean"), ("app/dir/x", b""), ("app/dir", AWS_KEY)]
    on(world, gitleaks, Exported(listed(*first, *again)), monkeypatch)
    found = search(world)[0]
    assert found == sorted(
        f"aws-access-token in /{name}" for name in (f"app/{LONG}", f"{DEEP}/x", "app/a/b", "app/twice", "app/dir")
    )


def listed(*files: tuple[str, bytes]) -> bytes:
    """A layer with files in this order, some of one name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_an_image_that_would_fill_the_disk_is_not_searched(
    world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern_scan, "LARGEST_TOTAL", 3 * pattern_scan.BLOCK)
    on(world, gitleaks, Images({f"app/{number}": b"x" for number in range(4)}), monkeypatch)
    with pytest.raises(OperationError, match="could not be searched for patterns: it adds more than"):
        search(world)
    assert world.store.clean == {}, "and does not count as searched"
    assert list(Path(world.paths.searches).iterdir()) == []


def test_it_is_laid_out_beside_the_engines_files_for_root_alone(
    world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/tmp is memory on some distributions, and everybody's."""
    home = Path(world.paths.searches)
    killed, going_on = home / "killed" / "files", home / "going-on"
    killed.mkdir(parents=True)
    going_on.mkdir()
    now = world.host.clock.now()
    os.utime(home / "killed", (now - 7 * 3600, now - 7 * 3600))
    os.utime(going_on, (now - 60, now - 60))
    seen: list[tuple[Path, int]] = []

    def scan(directory: str) -> list[tuple[str, str]]:
        seen.append((Path(directory).parent, Path(directory).stat().st_mode & 0o777))
        return []

    on(world, gitleaks, Images({"app/x": b"x"}), monkeypatch)
    monkeypatch.setattr(gitleaks, "scan", scan)
    search(world)
    assert seen == [(home, 0o700)] and home.stat().st_mode & 0o777 == 0o700
    assert list(home.iterdir()) == [going_on]


def test_not_installed(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.adapters.gitleaks.PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    on(world, Gitleaks(), Images({"app/x": AWS_KEY}), monkeypatch)
    assert search(world) == ([], pattern_scan.NOT_INSTALLED)


def test_a_finding_stops_the_promote(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    world.good("deploy")
    on(world, gitleaks, Images({"app/config.js": AWS_KEY}), monkeypatch)
    report = world.run("promote")
    assert report is not None and report.failed
    assert "aws-access-token in /app/config.js" in repr(report.problems)
    assert world.good("promote", skip_gates=("no_leaks",)).changed


def test_the_gate_says_how_it_was_searched(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    world.good("deploy")
    on(world, gitleaks, Images({"app/config.js": b""}), monkeypatch)
    evidence = {gate["gate"]: gate["evidence"] for gate in world.good("promote").gates}
    assert "gitleaks 8.99.0" in evidence["no_leaks"]


@contextlib.contextmanager
def torn(images: Sequence[str]) -> Iterator[IO[bytes]]:
    yield io.BytesIO(Images({"app/x": b"x" * 5000}).data[:700])


def test_half_an_export_is_no_search(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    on(world, gitleaks, Images(), monkeypatch)
    monkeypatch.setattr(world.docker, "export", torn, raising=False)
    with pytest.raises(OperationError, match="could not be searched"):
        search(world)
