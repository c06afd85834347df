# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine travels only to hosts that do not have exactly it: what the action plugin asks and makes of it."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import action_loader
from ansible.template import Templar

from release import hints
from release.paths import releases_of

from .conftest import Ask

SOURCE = Path(hints.__file__).parent
COLLECTION = "ansible_collections.onehost.release.plugins"
NOTHING = {"changed": False, "files": [], "diff": {"before": "", "after": ""}}


class Host:
    """A host in a directory, and the modules that ran on it."""

    def __init__(self, directory: Path, ask: Ask) -> None:
        self.directory, self.ask = directory, ask
        self.ran: list[str] = []
        self.check = False
        self.places = {"path": str(directory / "onehost"), "command": str(directory / "command")}

    def install(self) -> None:
        """As the module does, which waits for the disk with each file."""
        source = importlib.import_module(f"{COLLECTION}.plugin_utils.engine_source")
        for name, (data, mode) in source.files(**self.places).items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(data)
            Path(name).chmod(mode)

    def module(self, module_name: str = "", module_args: dict[str, Any] | None = None, **_how: Any) -> dict[str, Any]:
        name = module_name.rpartition(".")[2] or "engine"
        self.ran.append(name)
        arguments = self.given if module_args is None else module_args
        return self.ask(name, check=self.check, **arguments)

    def provision(self, *, later: float = 0, **given: Any) -> dict[str, Any]:
        """What the task returns."""
        self.ran, self.given = [], {**self.places, **given}
        loader = DataLoader()
        task = SimpleNamespace(
            action="onehost.release.engine", args=self.given, async_val=later, check_mode=self.check, no_log=False
        )
        plugin = action_loader.get(
            "onehost.release.engine",
            task=task,
            connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir=None), has_native_async=False),
            play_context=SimpleNamespace(),
            loader=loader,
            templar=Templar(loader),
            shared_loader_obj=None,
        )
        plugin._execute_module = self.module
        result: dict[str, Any] = plugin.run(task_vars={})
        return result


@pytest.fixture
def host(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(ActionBase, "_remove_tmp_path", lambda *_: None)
    places = importlib.import_module(f"{COLLECTION}.module_utils.release.util.stack_places")
    monkeypatch.setattr(places.names, "__defaults__", (str(tmp_path / "stacks"),))
    monkeypatch.setattr(places.is_there, "__defaults__", (str(tmp_path / "state"),))
    return Host(tmp_path, ask)


def test_the_control_machine_has_the_files_that_the_module_installs(host: Host) -> None:
    """Otherwise the engine would travel in each run."""
    parts = importlib.import_module(f"{COLLECTION}.module_utils.engine_parts")
    source = importlib.import_module(f"{COLLECTION}.plugin_utils.engine_source")
    wanted = parts.wanted_files(**{"path": host.places["path"], "command_path": host.places["command"]})
    assert source.files(**host.places) == wanted


def test_it_travels_once(host: Host) -> None:
    assert host.provision()["changed"] and host.ran == ["engine_checksum", "engine"]
    assert host.provision() == NOTHING and host.ran == ["engine_checksum"]
    compiled = host.directory / "onehost" / "release" / "__pycache__"
    compiled.mkdir()
    (compiled / "hints.cpython-313.pyc").write_text("")
    assert host.provision() == NOTHING, "Python compiles what it runs"


def damage(name: str, how: Callable[[Path], object]) -> Callable[[Path], None]:
    def apply(home: Path) -> None:
        how(home / name)

    return apply


def other_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


@pytest.mark.parametrize(
    "spoil",
    [
        damage("onehost/release/errors.py", lambda path: path.write_text("")),
        damage("onehost/release/errors.py", Path.unlink),
        damage("onehost/release/errors.py", lambda path: path.chmod(0o666)),
        damage("onehost/release/of_before.py", other_file),
        damage("onehost/release/nowhere.py", lambda path: path.symlink_to("/nonexistent/file")),
        damage("onehost/release", shutil.rmtree),
        damage("onehost/release.new/half.py", other_file),
        damage("onehost/release.old/half.py", other_file),
        damage("onehost/exchange", Path.unlink),
        damage("onehost/exchange", lambda path: path.chmod(0o644)),
        damage("command", lambda path: path.write_text("#!/bin/sh\n")),
        damage("command", Path.unlink),
    ],
)
def test_whatever_is_not_as_it_was_is_found(host: Host, spoil: Callable[[Path], None]) -> None:
    host.install()
    spoil(host.directory)
    host.check = True
    assert host.provision()["files"] != [] and host.ran == ["engine_checksum", "engine"]


def test_another_version_on_the_control_machine(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host.install()
    shutil.copytree(SOURCE, tmp_path / "newer")
    (tmp_path / "newer" / "hints.py").write_text("newer = True\n")
    host.check = True
    monkeypatch.setattr(sys.modules[f"{COLLECTION}.plugin_utils.engine_source"], "SOURCE", str(tmp_path / "newer"))
    host.provision()
    assert host.ran == ["engine_checksum", "engine"]


def test_stacks_of_an_earlier_version_have_to_be_moved(host: Host, tmp_path: Path) -> None:
    host.install()
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "shop.json").write_text("{}")
    host.check = True
    host.provision()
    assert host.ran == ["engine_checksum", "engine"]
    Path(releases_of("shop", str(tmp_path / "state"))).mkdir(parents=True)
    assert host.provision() == NOTHING


def test_the_module_is_asked_at_once_where_the_answer_would_not_help(host: Host) -> None:
    host.install()
    assert "unexpected" in str(host.provision(unexpected=1)["msg"])
    assert host.ran == ["engine"]
    assert not host.provision(state="present", later=60)["changed"]
    assert host.ran == ["engine"]
    assert host.provision(state="absent")["changed"]
    assert host.ran == ["engine"]


@pytest.mark.parametrize("place", ["~/onehost", "$HOME/onehost", "/opt/$NAME", "onehost"])
def test_only_the_host_knows_what_a_place_means(host: Host, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "ask", lambda name, **_given: {"asked": name})
    assert host.provision(path=place) == {"asked": "engine"}
    assert host.ran == ["engine"]


def test_if_the_host_cannot_tell_the_module_says_what_is_wrong(host: Host) -> None:
    host.install()
    ask = host.ask
    host.ask = lambda name, **given: {"failed": True} if name == "engine_checksum" else ask(name, **given)
    assert not host.provision()["changed"] and host.ran == ["engine_checksum", "engine"]
