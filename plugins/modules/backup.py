#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Back up a stack now
description:
  - Makes backups of the databases, volumes and SQLite files of a stack that are to have any, and of what the engine
    keeps of it. They go where provisioning says, encrypted.
  - Holds off no operation and waits for none, except for another backup of the same stack.
options:
  environment:
    description:
      - Only of this environment. Without it, of both.
    type: str
    default: ""
  kind:
    description:
      - C(full), C(incremental), C(dump), C(copy) for files, or C(verify), which reads everything that there is.
      - Without it an incremental backup, a dump and a copy of files, of whatever has these.
    type: str
    default: ""
  lock_wait:
    description:
      - For how many seconds to wait for a backup of the stack that goes on.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    description: Says what would be backed up, and how old everything is.
  diff_mode:
    support: none
    description: Nothing is changed that could be shown.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Back up production before something daring
  onehost.release.backup:
    environment: production
    kind: full
"""

RETURN = r"""
lines:
  description: What was done, and how old everything is now.
  returned: always
  type: list
  elements: str
ok:
  description: Whether everything succeeded. The module does not fail where something did not.
  returned: always
  type: bool
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import backups
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "environment": {"type": "str", "default": ""},
    "kind": {"type": "str", "default": ""},
    "lock_wait": {"type": "float", "default": 0},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    wish = backups.Wish(given["environment"], given["kind"])
    done: list[str] = []
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        if module.check_mode:
            module.exit_json(changed=True, ok=True, lines=[clean(it) for it in backups.previewed(host, stack, wish)])
        who = lock.this_process("backup", "backup", socket.gethostname(), host.clock.now())
        report = backups.take(host, stack, wish, who, done.append, lock_wait=given["lock_wait"])
    except RefusedError as error:
        end_refused(module, error, ok=False)
    except OperationError as error:
        module.fail_json(msg=clean(error))
    ended = [outcome.sentence for outcome in report.outcomes]
    module.exit_json(changed=True, ok=report.ok, lines=[clean(line) for line in (*ended, *report.ages)])


if __name__ == "__main__":
    main()
