# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share: a faked host, and this clone as Ansible's loader sees it."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader
from fakes import concurrency
from fakes.world import World
from hypothesis import is_hypothesis_test
from support.profiles import FAST

from release.util.concurrency import TaskPool

INVARIANTS = Path(__file__).parent / "invariants"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is what single tests reach: it does not count random input, nor one operation killed again and again.

    They reach nothing else, and counting takes as long again as running them.
    """
    for item in items:
        random = isinstance(item, pytest.Function) and is_hypothesis_test(item.function)
        if random or INVARIANTS in item.path.parents:
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Thousands of tests, and Ansible, stay to the end: the garbage collector need not look through them each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def collection() -> None:
    """This clone is onehost.release to Ansible's own loader, which takes that once."""
    init_plugin_loader([str(Path(__file__).resolve().parents[1] / ".collections")])


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """No threads in the engine's core: the fakes answer at once."""
    monkeypatch.setattr(TaskPool, "all", concurrency.one_by_one)


@pytest.fixture
def world(one_by_one: None) -> Iterator[World]:
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        yield World(directory)
