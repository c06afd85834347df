# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has, as dpkg and systemd list it."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from .conftest import Ask

DPKG = """\
ii \tnginx\t1.26.3-3+deb13u1
rc \thaproxy\t3.0.11-1
hi \tdocker.io\t26.1.5+dfsg1-9
un \tpodman\t
"""
UNITS = """\
nginx.service loaded active running A high performance web server
onehost-page.timer loaded active waiting Writes the status pages
ssh.service loaded active running OpenBSD Secure Shell server
"""
FILES = """\
nginx.service enabled enabled
haproxy.service enabled enabled
onehost-page.timer enabled enabled
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host whose dpkg and systemd answer as these do."""
    for name, text in (("packages", DPKG), ("units", UNITS), ("files", FILES)):
        (tmp_path / name).write_text(text)
    scripts = {
        "dpkg-query": f"cat {tmp_path}/packages",
        "systemctl": f'case "$1" in list-units) cat {tmp_path}/units ;; *) cat {tmp_path}/files ;; esac',
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_what_is_installed_and_what_runs_now_and_at_boot(ask: Ask, programs: Path) -> None:
    found = ask("survey", paths=[str(programs / "units"), str(programs / "never")])
    assert not found["changed"] and found == ask(
        "survey", check=True, paths=[str(programs / "units"), str(programs / "never")]
    )
    # Removed packages that left their settings behind are not installed; those on hold are.
    assert found["packages"] == {"nginx": "1.26.3-3+deb13u1", "docker.io": "26.1.5+dfsg1-9"}
    assert found["up"] == ["nginx.service", "onehost-page.timer"]
    assert found["enabled"] == ["nginx.service", "haproxy.service", "onehost-page.timer"]
    assert found["paths"] == [str(programs / "units")]


def test_a_user_without_a_home_has_yet_to_get_one(ask: Ask, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, gone = (pwd.struct_passwd((name, "x", 1, 1, "", str(programs / name), "")) for name in ("units.d", "gone"))
    (programs / "units.d").mkdir()
    monkeypatch.setattr(pwd, "getpwall", lambda: [here, gone])
    assert ask("survey")["users"] == ["units.d"]


def test_a_host_that_does_not_answer_has_nothing(ask: Ask, programs: Path) -> None:
    """So each role asks for itself, and its own module says what is wrong."""
    (programs / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (programs / "dpkg-query").write_text("#!/bin/sh\nexit 2\n")
    found = ask("survey")
    assert found["packages"] == {} and found["up"] == found["enabled"] == []
