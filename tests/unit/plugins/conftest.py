# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

#: What a module answers to its arguments.
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(collection: None, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a module of the collection in this process."""

    def run(name: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        module = importlib.import_module(f"ansible_collections.onehost.release.plugins.modules.{name}")
        with (
            patch_module_args({**arguments, "_ansible_check_mode": check, "_ansible_diff": True}),
            pytest.raises(SystemExit),
        ):
            module.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run
