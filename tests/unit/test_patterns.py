# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are shown to gitleaks, where it is installed, and what it finds stops a promote."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest
from support.fakes import World
from support.images import Exported, tar

from release.adapters.gitleaks import Gitleaks
from release.errors import OperationError
from release.operations import pattern_scan

KEY = b"AKIA" + b"Q3EGRIT6AXYZ7ULM"

#: Does what gitleaks does with these words, for one rule; it refuses any word that gitleaks does not know.
STAND_IN = f"""#!{sys.executable}
import argparse, json, os, sys
if sys.argv[1:] == ["version"]:
    print("8.99.0")
    sys.exit()
words = argparse.ArgumentParser()
words.add_argument("command", choices=["detect"])
for name in ("no-git", "redact", "no-banner"):
    words.add_argument("--" + name, action="store_true", required=True)
for name in ("source", "exit-code", "report-format", "report-path", "log-level"):
    words.add_argument("--" + name, required=True)
words.add_argument("--config")
given = words.parse_args()
assert given.report_format == "json" and given.exit_code == "0"
found = []
for folder, _, names in os.walk(given.source):
    for name in names:
        path = os.path.join(folder, name)
        if b"AKIA" in open(path, "rb").read():
            found.append({{"RuleID": "aws-access-token", "File": path[2:], "Secret": "REDACTED", "StartLine": 1}})
json.dump(found, open(given.report_path, "w"))
"""


def install(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Gitleaks:
    folder.mkdir(exist_ok=True)
    program = folder / "gitleaks"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Gitleaks(config=str(folder / "none.toml"), seconds=10)


@pytest.fixture
def gitleaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gitleaks:
    return install(tmp_path / "bin", STAND_IN, monkeypatch)


class Images(Exported):
    """Docker with an image of these layers."""

    def __init__(self, *layers: dict[str, bytes]) -> None:
        super().__init__(*(gzip.compress(tar(layer)) for layer in layers))


def on(world: World, scanner: Gitleaks, docker: Exported, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(world.docker, "export", docker.export, raising=False)
    object.__setattr__(world.host, "scanner", scanner)
    return world


def search(world: World) -> tuple[list[str], str]:
    return pattern_scan.search_new(world.host, world.stack, ["sha256:1"])


def test_what_an_app_brings_is_searched(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = {"app/config.js": b"key = " + KEY, "app/clean.js": b""}, {"srv/www/.env": KEY}, {"srv/www/.wh..env": b""}
    on(world, gitleaks, Images(*layers), monkeypatch)
    found, said = search(world)
    assert found == ["aws-access-token in /app/config.js", "aws-access-token in /srv/www/.env"]
    assert said == "gitleaks 8.99.0"
    assert KEY.decode() not in repr((found, said))


def test_the_system_is_left_out(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    system = ("usr/lib/python3/test/key.pem", "./usr/local/lib/node_modules/npm/key", "/etc/ssl/private/x", "lib/x")
    on(world, gitleaks, Images(dict.fromkeys(system, KEY)), monkeypatch)
    assert search(world)[0] == []
    assert pattern_scan.is_added("usr/share/nginx/html/main.js") and pattern_scan.is_added("library/x")


def test_an_image_is_searched_once(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Images({"app/x": b"clean"})
    on(world, gitleaks, docker, monkeypatch)
    assert [search(world)[0], search(world)[0]] == [[], []] and docker.asked == 1
    dirty = Images({"app/x": KEY})
    on(world, gitleaks, dirty, monkeypatch)
    assert pattern_scan.search_new(world.host, world.stack, ["sha256:2"])[0]
    assert pattern_scan.search_new(world.host, world.stack, ["sha256:2"])[0] and dirty.asked == 2


def test_nothing_is_written_outside_or_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "in" / "files"
    target.parent.mkdir()
    pattern_scan.lay_out(Images({"../../out": KEY, "app/../../../out2": KEY, "/app/in": KEY}), ["x"], str(target))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in written] == ["in"]
    assert written[0].stat().st_mode & 0o777 == 0o600


def test_not_installed(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.adapters.gitleaks.PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    on(world, Gitleaks(), Images({"app/x": KEY}), monkeypatch)
    assert search(world) == ([], pattern_scan.NOT_INSTALLED)


def test_a_gitleaks_that_does_not_know_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's: what was searched by it is not searched again, until it is another one or has other rules."""
    says = "#!/bin/sh\necho version is set by build process\n"
    scanner = install(tmp_path / "bin", says, monkeypatch)
    first = scanner.version()
    assert first == scanner.version() and first.startswith("gitleaks of 20")
    os.utime(tmp_path / "bin" / "gitleaks", (5, 5))
    assert scanner.version() == "gitleaks of 1970-01-01 00:00:05"
    (tmp_path / "bin" / "none.toml").touch()
    assert "none.toml of 20" in scanner.version()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#!/bin/sh\n[ $1 = version ] && echo 8.1 && exit\necho no such rule >&2; exit 1\n", "no such rule"),
        ("#!/bin/sh\n[ $1 = version ] && echo 8.1 && exit\nexit 0\n", "report"),
        ("#!/bin/sh\n[ $1 = version ] && echo 8.1 && exit\nsleep 30\n", "did not end"),
        ("#!/no/such/program\n", "cannot be run"),
    ],
)
def test_a_gitleaks_that_fails_has_searched_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    scanner = install(tmp_path / "bin", text, monkeypatch)
    scanner.seconds = 0.5
    on(world, scanner, Images({"app/x": b""}), monkeypatch)
    with pytest.raises(OperationError, match=problem):
        search(world)


def test_a_finding_stops_the_promote(world: World, gitleaks: Gitleaks, monkeypatch: pytest.MonkeyPatch) -> None:
    world.good("deploy")
    on(world, gitleaks, Images({"app/config.js": KEY}), monkeypatch)
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
