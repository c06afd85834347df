#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: recover
short_description: Complete or revert an interrupted operation
description:
  - Reads the journal of every stack. An interrupted operation is completed if it had already switched traffic, and
    reverted otherwise.
  - Every operation does the same for its own environment before it begins. Use this to have it done now.
options:
  stack:
    description:
      - Limit this to one stack.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Lists interrupted operations.
  diff_mode:
    support: none
    description: The journal records what was done.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Complete or revert interrupted operations
  onehost.release.recover:
"""

RETURN = r"""
lines:
  description: One sentence for each interrupted operation.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints.commands.end_grace_period import (
    after_boot,
)
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints.commands.recover import (
    recover_stack,
    settle_all,
)
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import attended, witnesses
from ansible_collections.onehost.release.plugins.module_utils.release.process import journal
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import ENVIRONMENTS
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def main() -> None:
    module = AnsibleModule(argument_spec={"stack": {"type": "str", "default": ""}}, supports_check_mode=True)
    lines: list[str] = []
    try:
        host = bootstrap.this_host()
        known = host.stacks.survey(module.params["stack"])
        for stack in known.stacks:
            if module.check_mode:
                for environment in ENVIRONMENTS:
                    left = journal.unfinished(stack.name, environment, host.paths.state)
                    lines += [f"would finish or undo {record.path}" for record in left]
                lines += [
                    f"would end what {run.person} left behind: {run.id}" for run in attended.left_behind(host, stack)
                ]
                lines += [f"would put right: {text}" for text in witnesses.disputes(host, stack)]
            else:
                lines += after_boot(host, stack) + settle_all(host, stack) + recover_stack(host, stack)
    except (RefusedError, OperationError) as error:
        module.fail_json(msg=clean(error), lines=lines)
    if known.unreadable:
        # The others were recovered; what is wrong with these needs a person.
        module.fail_json(msg="; ".join(clean(problem) for problem in known.unreadable), lines=lines)
    module.exit_json(changed=bool(lines), lines=lines or ["no operation is unfinished"])


if __name__ == "__main__":
    main()
