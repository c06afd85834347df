# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Stands in for deploy, promote and rollback, which need a host: sends the journal's events that it is given, as their
# action plugin does, and returns the report that it is given.
import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.onehost.release.plugins.plugin_utils import progress_channel


class ActionModule(ActionBase):
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        for item in self._task.args["events"]:
            if progress_channel.is_open():
                progress_channel.send((task_vars or {})["inventory_hostname"], {"at": time.time(), **item})
                # This is the operation that is shown, not the test: a step must last longer than the terminal's
                # pause between two pictures, or nothing would be seen to move. No result is waited for here.
                time.sleep(0.25 if self._task.args.get("slowly") else 0)
        report = self._task.args["report"]
        result.update(changed=report["changed"], failed=report["failed"], report=report, msg=report["message"])
        return result
