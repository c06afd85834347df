# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Shared by the action plugins of modules that suggest commands: the module runs as usual, and the commands in its
# result are spelled as they are typed on this machine, which the module on the host cannot know.
from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.onehost.release.plugins.plugin_utils import typed_options
from ansible_collections.onehost.release.plugins.plugin_utils.place import spelled


class ModuleAction(NormalAction):
    """Runs the module of the same name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        name = str(self._task.action).rpartition(".")[2]
        if problem := typed_options.problem_with(name, task_vars or {}, self._loader):
            return spelled({"failed": True, "msg": problem})
        return spelled(super().run(tmp, task_vars), self._task.args.get("stack"))
