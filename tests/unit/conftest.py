# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit tests share: a faked host, and how long random tests search."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader
from hypothesis import HealthCheck, Phase, settings
from support import fakes
from support.fakes import World

from release.util.concurrency import TaskPool

# Kept short for every day, a failing sequence is then shown as it was found. HYPOTHESIS_PROFILE=long searches for
# minutes, and makes what it finds as short as it can.
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "ci",
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=QUIET,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
settings.register_profile("long", max_examples=3000, stateful_step_count=50, deadline=None, suppress_health_check=QUIET)
# Thousands of sequences of operations, in under a minute on two cores.
settings.register_profile("many", settings.get_profile("ci"))
# For `make mutate`, which runs the same tests hundreds of times.
settings.register_profile("mutate", settings.get_profile("ci"), max_examples=40)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
THOROUGH = PROFILE == "long"
#: How many sequences of operations are tried on the faked host.
SEQUENCES = {"ci": 240, "mutate": 40, "many": 2400}.get(PROFILE, 3000)
settings.load_profile(PROFILE)

#: The journal is flushed line by line. In memory that costs nothing.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None


@pytest.fixture(scope="session")
def collection() -> None:
    """This clone is onehost.release to Ansible's own loader, which takes that once."""
    init_plugin_loader([str(Path(__file__).resolve().parents[2] / ".collections")])


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """No threads in the engine's core: the fakes answer at once."""
    monkeypatch.setattr(TaskPool, "all", fakes.one_by_one)


@pytest.fixture
def world(one_by_one: None) -> Iterator[World]:
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        yield World(directory)
