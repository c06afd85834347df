#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: services
short_description: Bring the services of an environment to what the stack wants
description:
  - Changes what runs beside the apps, as the stack declares it under C(services). Nothing else changes a service that
    runs, no deploy, promote or rollback does.
  - One after the other is created, replaced or removed, and must be healthy before the next. One that does not get
    healthy is put back as it was. Volumes always stay.
options:
  environment:
    description:
      - Environment whose services are changed. Required except in check mode, which shows all.
    type: str
    default: ""
  lock_wait:
    description:
      - For how many seconds to wait for another operation of the environment.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    description: Reports what would change, and which services would restart.
  diff_mode:
    support: none
    description: The result contains the change.
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.recorded
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Bring the services of production to what the stack wants
  onehost.release.services:
    environment: production
    reason: Redis 8
"""

RETURN = r"""
lines:
  description: What was changed, or would be.
  returned: always
  type: list
  elements: str
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import change_services
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "environment": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
    "person": {"type": "str", "default": "unknown"},
    "lock_wait": {"type": "float", "default": 0},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        who = lock.this_process("services", given["person"], socket.gethostname(), host.clock.now(), given["reason"])
        report = change_services.request(
            host, stack, given["environment"], who, check=module.check_mode, lock_wait=given["lock_wait"]
        )
    except RefusedError as error:
        end_refused(module, error)
    except OperationError as error:
        if module.check_mode:
            end_refused(module, error)
        module.fail_json(msg="\n".join(clean(line) for line in (error, *error.log)))
    module.exit_json(changed=report.changed, lines=[clean(line) for line in report.lines])


if __name__ == "__main__":
    main()
