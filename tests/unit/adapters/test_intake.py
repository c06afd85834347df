# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New connections that are refused for a while: what nft is told, and what the kernel's table of connections says."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from support.commands import commands

from release.adapters.intake import Intake


def test_ports_are_held_for_a_time_and_admitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nft=f'echo "$*" >>{tmp_path}/told; cat >>{tmp_path}/told'))
    assert Intake().hold("shop", "production", {21024, 21014}, 6.2) == ""
    told = (tmp_path / "told").read_text()
    assert told.startswith("--file -\ntable inet onehost-hold-shop-production\ndelete table inet onehost-hold-shop-")
    assert "elements = { 21014 timeout 7s, 21024 timeout 7s };" in told, "never too early"
    assert "ip daddr 127.0.0.0/8 tcp dport @ports" in told and "reject with tcp reset" in told
    (tmp_path / "told").unlink()
    Intake().admit("shop", "production")
    told = (tmp_path / "told").read_text()
    # The first line makes the second one work where there is none.
    assert told.splitlines()[1:] == [f"{verb}table inet onehost-hold-shop-production" for verb in ("", "delete ")]


def test_why_nothing_can_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nft="echo 'Operation not permitted' >&2; exit 1"))
    assert Intake().hold("shop", "staging", {21024}, 5) == "Operation not permitted"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert "nft" in Intake().hold("shop", "staging", {21024}, 5)
    Intake().admit("shop", "staging")


def test_open_connections_are_counted_accepted_or_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert Intake().connections({port}) == 0
        with socket.create_connection(("127.0.0.1", port)):
            assert Intake().connections({port}) == 1
            assert Intake().connections({port + 1}) == 0
            assert Intake().waiting({os.getpid(), 0, 2**22 + 1}) >= 1
            accepted, _ = server.accept()
            assert Intake().connections({port, port + 1}) == 1
            accepted.close()
        assert Intake().connections({port}) == 0
