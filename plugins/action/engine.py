# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The module carries the whole engine, some 300 files, which Ansible parses and packs anew in each run. So a small one
# asks first what is installed, and the engine travels only to hosts that do not have exactly these files.
import os
from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.onehost.release.plugins.module_utils.engine_files import checksum
from ansible_collections.onehost.release.plugins.plugin_utils import engine_source

DEFAULTS = {"path": "/usr/local/lib/onehost", "command": "/usr/local/bin/onehost", "state": "present"}


class ActionModule(NormalAction):
    """Runs onehost.release.engine where it has something to do."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if self._installed(task_vars):
            return {"changed": False, "files": [], "diff": {"before": "", "after": ""}}
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def _installed(self, task_vars: dict[str, Any] | None) -> bool:
        """Whether the host has exactly this engine. In doubt it has not: the module then looks for itself."""
        given = DEFAULTS | {name: value for name, value in self._task.args.items() if value is not None}
        places = {name: str(given[name]) for name in ("path", "command")}
        # Only the host knows what a variable or ~ stands for.
        plain = all(os.path.isabs(place) and "$" not in place for place in places.values())
        if given.keys() != DEFAULTS.keys() or given["state"] != "present" or self._task.async_val or not plain:
            return False
        # A copy: Ansible adds arguments of its own.
        found = self._execute_module("onehost.release.engine_checksum", module_args={**places}, task_vars=task_vars)
        return found.get("outdated") == [] and found.get("checksum") == checksum(engine_source.files(**places))
