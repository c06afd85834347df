# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The arguments of the modules deploy, promote and rollback. Their action plugins read this too, on the control machine.
from typing import Any

_SHARED: dict[str, Any] = {
    "stack": {"type": "str", "default": ""},
    "apps": {"type": "list", "elements": "str", "default": []},
    "reason": {"type": "str", "default": ""},
    "person": {"type": "str", "default": "unknown"},
    "origin": {"type": "str", "default": "unknown"},
    "lock_wait": {"type": "float", "default": 0},
    "watch_seconds": {"type": "int"},
    "warm_seconds": {"type": "int"},
    "wait_seconds": {"type": "float"},
    "definition": {"type": "dict"},
}

#: The argument spec of each operation's module.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "deploy": {
        **_SHARED,
        "version": {"type": "str", "default": ""},
        "rebuild": {"type": "bool", "default": False},
        "keep_schema": {"type": "bool", "default": False},
    },
    "promote": {**_SHARED, "skip_gates": {"type": "list", "elements": "str", "default": []}},
    "rollback": {
        **_SHARED,
        "release": {"type": "str", "default": ""},
        "secrets": {"type": "str", "choices": ["today", "release"], "default": "today"},
        "database": {"type": "str", "choices": ["", "keep", "downgrade", "restore"], "default": ""},
        "confirm": {"type": "str", "default": ""},
    },
}
