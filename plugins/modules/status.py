#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Show which releases are live and what a rollback would do
description:
  - Inspects the router, the containers, the history and the journal of every stack of the host, or of one.
options:
  stack:
    description:
      - Limit this to one stack.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Show the status
  onehost.release.status:
"""

RETURN = r"""
stacks:
  description: One mapping for each stack with C(environments), C(rollback), C(history), C(free_gb).
  returned: always
  type: list
  elements: dict
lines:
  description: The same as human-readable lines.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import status
from ansible_collections.onehost.release.plugins.module_utils.release.rendering import status as status_text
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def main() -> None:
    module = AnsibleModule(argument_spec={"stack": {"type": "str", "default": ""}}, supports_check_mode=True)
    try:
        host = bootstrap.this_host()
        known = host.stacks.survey(module.params["stack"])
        reports = [status.status(host, stack) for stack in known.stacks]
    except (RefusedError, OperationError) as error:
        module.fail_json(msg=clean(error))
    lines = status_text.all_lines(reports) + [f"problem: {clean(problem)}" for problem in known.unreadable]
    found = [report.to_json() for report in reports]
    module.exit_json(changed=False, stacks=found, lines=lines or ["no stack was provisioned on this host"])


if __name__ == "__main__":
    main()
