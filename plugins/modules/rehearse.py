#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rehearse
short_description: Try on a copy of production what a promote would migrate
description:
  - Copies the databases that a promote would migrate, migrates the copies by the image that staging runs, and starts
    the release that is live in production on the result. Keeps what was seen, which a promote within a day believes.
  - Nothing is left of it but that record. Production is read, and changed in nothing.
options:
  again:
    description:
      - Rehearse also what is on record.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Says what would be rehearsed.
  diff_mode:
    support: none
    description: Shows the same.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Rehearse the next promote
  onehost.release.rehearse:
    stack: shop
"""

RETURN = r"""
ok:
  description: Whether a promote would go, as far as its migrations are concerned.
  returned: always
  type: bool
report:
  description: What was seen, with locks, rows, statements and what was lost.
  returned: always
  type: dict
lines:
  description: The same as human-readable lines.
  returned: always
  type: list
  elements: str
"""

import getpass
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import rehearse_ahead
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {"stack": {"type": "str", "default": ""}, "again": {"type": "bool", "default": False}}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        who = lock.this_process("rehearse", getpass.getuser(), socket.gethostname(), host.clock.now())
        report = rehearse_ahead.request(host, stack, who, again=given["again"], check=module.check_mode)
    except (RefusedError, OperationError) as error:
        if module.check_mode:
            # A host may be looked at before it was ever provisioned.
            module.exit_json(changed=False, ok=False, report={}, lines=[clean(error)])
        module.fail_json(msg=clean(error))
    lines = [clean(line) for line in [*report.steps, *report.lines]]
    module.exit_json(changed=report.changed, ok=report.ok, report=report.to_json(), lines=lines)


if __name__ == "__main__":
    main()
