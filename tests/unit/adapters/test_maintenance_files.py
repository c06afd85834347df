# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a maintenance in a file, and its maps in HAProxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.servers import Haproxy, haproxy_at

from release.adapters.maintenance_files import MaintenanceFiles
from release.errors import OperationError, RefusedError
from release.stack.maintenance import Maintenance

ONE = Maintenance(100, "web", "/shop", ("10.0.0.0/8",), "ann", "it moves", "2026-11-26T20:00:00Z")


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Haproxy]:
    with haproxy_at(str(tmp_path / "admin.sock")) as server:
        server.maps = {str(tmp_path / f"shop-production-{name}.map"): {} for name in ("maintenance", "allowed")}
        yield server


def files_at(tmp_path: Path) -> MaintenanceFiles:
    (tmp_path / "shop").mkdir(exist_ok=True)
    return MaintenanceFiles(str(tmp_path), str(tmp_path / "admin.sock"), str(tmp_path))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    files = files_at(tmp_path)
    assert files.recorded("shop", "production") == []
    files.record("shop", "production", [ONE])
    assert files.recorded("shop", "production") == [ONE]
    assert files.recorded("shop", "staging") == []


def test_where_nothing_was_closed_no_record_is_made(tmp_path: Path) -> None:
    files_at(tmp_path).record("shop", "production", [])
    assert not list((tmp_path / "shop").iterdir())


@pytest.mark.parametrize(
    "data", ["", "{}", "[]", '{"close": []}', '{"closed": 7}', '{"closed": [{"until": 1}]}', "nul"]
)
def test_a_damaged_record_is_refused_with_its_fix(tmp_path: Path, data: str) -> None:
    files = files_at(tmp_path)
    (tmp_path / "shop" / "maintenance-production.json").write_text(data)
    with pytest.raises(RefusedError) as refused:
        files.recorded("shop", "production")
    assert "state=off" in refused.value.problems[0].fix


def test_the_maps_are_in_files_and_in_memory(tmp_path: Path, haproxy: Haproxy) -> None:
    files = files_at(tmp_path)
    assert files.problem("shop", "production") is None and files.lacks_maps("shop", "production")
    files.set_maps("shop", "production", {"/web/": "100/1"}, {"10.0.0.0/8": "1"})
    assert not files.lacks_maps("shop", "production")
    assert files.maps("shop", "production") == ({"/web/": "100/1"}, {"10.0.0.0/8": "1"})
    assert [*haproxy.maps.values()] == [{"/web/": "100/1"}, {"10.0.0.0/8": "1"}]
    # Whom to let through comes first.
    assert next(line for line in haproxy.commands if line.startswith("commit")).endswith("-allowed.map")


@pytest.mark.parametrize("text", ["10.0.0", "10.0.0.0/8 x\n", "10.0.0.0/8\n", "\n", "\0\0\0"])
def test_a_file_that_haproxy_would_not_take_is_made_anew(tmp_path: Path, haproxy: Haproxy, text: str) -> None:
    files = files_at(tmp_path)
    files.set_maps("shop", "production", {"/web/": "100/1"}, {"10.0.0.0/8": "1", "2001:db8::/32": "3"})
    assert not files.lacks_maps("shop", "production")
    (tmp_path / "shop-production-allowed.map").write_text(text)
    assert files.lacks_maps("shop", "production")


def test_a_router_from_before_is_told_of(tmp_path: Path, haproxy: Haproxy) -> None:
    haproxy.maps.clear()
    problem = files_at(tmp_path).problem("shop", "production")
    assert problem is not None and problem.fix == "ansible-playbook onehost.release.provision"


def test_a_router_that_is_down(tmp_path: Path) -> None:
    files = files_at(tmp_path)
    problem = files.problem("shop", "production")
    assert problem is not None and "does not answer" in problem.what
    with pytest.raises(OperationError, match="does not answer"):
        files.set_maps("shop", "production", {"/": "100/1"}, {})
    assert files.maps("shop", "production")[0] == {"/": "100/1"}
    files.set_maps("shop", "production", {}, {}, must_run=False)
    assert files.maps("shop", "production")[0] == {}
