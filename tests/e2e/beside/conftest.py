"""One lab for all tests here: starting it takes longest."""

from __future__ import annotations

from typing import Any

import pytest
from support.beside import Beside
from support.lab import Lab


@pytest.fixture(scope="session")
def beside(released: Lab, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Beside:
    """The released lab with the stacks of all modules of this run that share it; each defines its own in `stacks`."""
    items = [item for item in request.session.items if "beside" in getattr(item, "fixturenames", ())]
    modules = {item.getparent(pytest.Module) for item in items}
    stacks: dict[str, Any] = {}
    for module in sorted((it.obj for it in modules if it), key=lambda it: str(it.__name__)):
        stacks |= module.stacks(released)
    return Beside(released, tmp_path_factory.mktemp("beside") / "stacks.yml", stacks)
