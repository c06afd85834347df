#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databases
short_description: Provide the PostgreSQL clusters of stacks
description:
  - Makes a cluster for each database of each environment, with its settings, its roles and who may connect, and a guard
    of its port by nftables. Writes the addresses, with passwords that are generated here unless they are given, where
    releases get their values.
  - Never removes a cluster, and never restarts one unless O(restart) is set.
options:
  stacks:
    description:
      - All stacks of the host, as the lookup P(onehost.release.stacks#lookup) returns them, without values.
    type: list
    elements: dict
    required: true
  only:
    description:
      - Name of the stack whose clusters are provided; empty is all. Those of the others stay as they are, unless
        backups go elsewhere now. All count for the memory, and for who reaches which port.
    type: str
    default: ""
  passwords:
    description:
      - Passwords by stack, environment, database and C(app) or C(owner). They are used when passwords are made, so with
        a new database or with a raised C(password_generation).
    type: dict
    default: {}
  memory_percent:
    description:
      - How much of the host's memory all clusters together may have.
    type: int
    default: 50
  restart:
    description:
      - Restarts a cluster whose new settings want that. Without it they wait, and a warning says so.
    type: bool
    default: false
extends_documentation_fragment:
  - onehost.release.backups
attributes:
  check_mode:
    support: full
    description: Grants are tried in a transaction that is rolled back.
  diff_mode:
    support: none
    description: Nothing of it is shown.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Provide the databases of all stacks
  onehost.release.databases:
    stacks: "{{ query('onehost.release.stacks', env=false) | map('onehost.release.without_env') | list }}"
"""

RETURN = r"""
changes:
  description: What was changed or would be, one line for each.
  returned: always
  type: list
  elements: str
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.backup_arguments import BACKUPS, given_backups
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import (
    OperationError,
    Problem,
    RefusedError,
)
from ansible_collections.onehost.release.plugins.module_utils.release.operations import databases
from ansible_collections.onehost.release.plugins.module_utils.release.planning.backups.asked import read_places
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_stack
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stacks": {"type": "list", "elements": "dict", "required": True},
    "only": {"type": "str", "default": ""},
    "passwords": {"type": "dict", "default": {}, "no_log": True},
    "memory_percent": {"type": "int", "default": 50},
    "backups": BACKUPS,
    "restart": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        stacks = [read_stack(stack.get("name", "stack"), stack, stored=True) for stack in given["stacks"]]
        problems: list[Problem] = []
        places = read_places(given_backups(given["backups"]), problems)
        if problems:
            raise RefusedError(problems)
        asked = databases.Asked(
            stacks, given["passwords"], given["memory_percent"], given["restart"], places, given["only"]
        )
        who = lock.this_process("provision", "provision", socket.gethostname(), host.clock.now())
        done = databases.provide(host, asked, who, write=not module.check_mode)
    except (RefusedError, OperationError) as error:
        module.fail_json(msg=clean(error))
    for note in done.notes:
        module.warn(clean(note))
    module.exit_json(changed=bool(done.changes), changes=done.changes)


if __name__ == "__main__":
    main()
