#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: recover_host
short_description: Bring back on an empty host what a lost one has left in its backups
description:
  - Puts the state of each stack, its volumes and its SQLite files back from the newest copies, and writes down from
    which backups the module M(onehost.release.databases) lays out clusters, instead of making empty ones. It is used
    before the rest is provisioned, and again with O(finished) once production answers.
  - Of O(backups) the passphrase is required, which is kept elsewhere.
  - Refused on a host that is not empty. Killed in between, it goes on with the same copies.
options:
  stacks:
    description:
      - All stacks of the host, as the lookup P(onehost.release.stacks#lookup) returns them, without values.
    type: list
    elements: dict
    required: true
  host:
    description:
      - The name of the host in the inventory.
    type: str
    required: true
  confirm:
    description:
      - The same name again. Without it nothing is changed.
    type: str
    default: ""
  finished:
    description:
      - Says what came back and what to do next, and ends the recovery.
    type: bool
    default: false
extends_documentation_fragment:
  - onehost.release.backups
attributes:
  check_mode:
    support: full
    description: Says what would come back, from which backups, and how old they are.
  diff_mode:
    support: none
    description: The result says what was done.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Bring back state and files
  onehost.release.recover_host:
    stacks: "{{ query('onehost.release.stacks', env=false) | map('onehost.release.without_env') | list }}"
    backups:
      directory: /mnt/backups
      passphrase: "{{ vault_backup_passphrase }}"
    host: "{{ inventory_hostname }}"
    confirm: "{{ confirm }}"
"""

RETURN = r"""
lines:
  description: What comes back, from when, and what has begun empty.
  returned: always
  type: list
  elements: str
refused:
  description: Whether check mode found a reason to refuse it; the reason is in RV(lines).
  returned: always
  type: bool
deploys:
  description: What is to be deployed to staging, in order, with C(stack), C(version) and C(apps).
  returned: always
  type: list
  elements: dict
promotes:
  description: The stacks that are to be promoted then.
  returned: always
  type: list
  elements: str
skip_gates:
  description: Gates of that promote which judge the host that is gone, or wait for what was waited for before.
  returned: always
  type: list
  elements: str
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.backup_arguments import BACKUPS, given_backups
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import host_recovery
from ansible_collections.onehost.release.plugins.module_utils.release.planning.host_recovery import SKIPPED, confirmed
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_stack
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stacks": {"type": "list", "elements": "dict", "required": True},
    "backups": BACKUPS,
    "host": {"type": "str", "required": True},
    "confirm": {"type": "str", "default": ""},
    "finished": {"type": "bool", "default": False},
}
NOTHING = {"refused": True, "deploys": [], "promotes": [], "skip_gates": []}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given, write = module.params, not module.check_mode
    try:
        host = bootstrap.this_host()
        stacks = [read_stack(stack.get("name", "stack"), stack, stored=True) for stack in given["stacks"]]
        who = lock.this_process("recover_host", "recover_host", socket.gethostname(), host.clock.now())
        if given["finished"]:
            done = host_recovery.finish(host, stacks, write=write)
        else:
            problems = [] if module.check_mode and not given["confirm"] else confirmed(given["confirm"], given["host"])
            done = host_recovery.begin(host, stacks, given_backups(given["backups"]), who, problems, write=write)
    except (RefusedError, OperationError) as error:
        end_refused(module, error, **NOTHING)
    module.exit_json(
        changed=done.changed,
        lines=[clean(line) for line in done.lines],
        refused=False,
        deploys=done.deploys,
        promotes=done.promotes,
        skip_gates=list(SKIPPED),
    )


if __name__ == "__main__":
    main()
