# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Shared by the modules deploy, promote and rollback: arguments in, one operation in a process of its own, report out.
from ansible.module_utils.basic import AnsibleModule

from .operation_arguments import ARGUMENTS
from .release.entrypoints import cli, remote

# Imported here rather than on first use: the operation may outlive the archive that this file came in.
from .release.process import background, journal, lock

LOADED = (background, cli, journal, lock)


def run_module(name: str) -> None:
    """Carry out operation `name` and end the module with its report."""
    module = AnsibleModule(argument_spec=ARGUMENTS[name], supports_check_mode=True)
    result = remote.answer(name, module.params, module.check_mode)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
