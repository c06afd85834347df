#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill
short_description: Restore the newest backup beside what runs, and check it
description:
  - Restores the newest backup of each database of an environment to a scratch cluster of little memory and low
    priority, has PostgreSQL check it, asks the declared checks, and removes it again. How much would have been lost and
    how long it took is written down, shown by the status and the status page, and told where it misses its targets.
options:
  environment:
    description:
      - Which environment.
    type: str
    default: production
  database:
    description:
      - One database instead of all that are backed up.
    type: str
    default: ""
  lock_wait:
    description:
      - How many seconds to wait for another drill.
    type: float
    default: 0
  person:
    description:
      - Who wants it.
    type: str
    default: unknown
attributes:
  check_mode:
    support: full
    description: Says which databases would be tried.
  diff_mode:
    support: none
    description: Nothing that runs is changed.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Restore the newest backup of production, and look at it
  onehost.release.drill:
"""

RETURN = r"""
holds:
  description: Whether every backup could be restored, was whole, and within its targets.
  returned: always
  type: bool
drills:
  description: What was found of each database.
  returned: always
  type: list
  elements: dict
junit:
  description: The same as JUnit's XML.
  returned: always
  type: str
lines:
  description: The same for people.
  returned: always
  type: list
  elements: str
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import drill
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.rendering import drills
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "environment": {"type": "str", "default": "production"},
    "database": {"type": "str", "default": ""},
    "lock_wait": {"type": "float", "default": 0},
    "person": {"type": "str", "default": "unknown"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        who = lock.this_process("drill", given["person"], socket.gethostname(), host.clock.now())
        found = drill.request(
            host,
            stack,
            given["environment"],
            given["database"],
            who,
            check=module.check_mode,
            lock_wait=given["lock_wait"],
        )
    except (RefusedError, OperationError) as error:
        end_refused(module, error, holds=True, drills=[], junit="")
    data = drills.document(found.stack, found.drills)
    module.exit_json(
        changed=bool(found.drills),
        holds=found.holds,
        drills=data["drills"],
        junit=drills.junit(found.stack, found.drills),
        lines=[clean(line) for line in found.lines],
    )


if __name__ == "__main__":
    main()
