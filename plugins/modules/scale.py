#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: scale
short_description: Give an app of what is live another number of containers
description:
  - Starts or stops equal containers of one app, in a few seconds. Nothing is built, and nothing else restarts.
  - New ones must be healthy before they get requests; those that are too many finish theirs before they stop. What does
    not get healthy is put back.
  - The number stays for the environment, over releases and rollbacks, until the stack's own number changes.
options:
  app:
    description:
      - App of the live release.
    type: str
    required: true
  replicas:
    description:
      - How many containers it is to have, from 1 to 8, or C(default) for the stack's own number.
    type: str
    required: true
  environment:
    description:
      - Environment in which the app runs.
    type: str
    default: production
  reason:
    description:
      - Why. Recorded, and shown in the status as long as the number holds.
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
    description: Reports what would change.
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
- name: Give the API of production three containers
  onehost.release.scale:
    app: api
    replicas: 3
    reason: the sale
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
from ansible_collections.onehost.release.plugins.module_utils.release.operations import change_scale
from ansible_collections.onehost.release.plugins.module_utils.release.operations.change_scale import Asked
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "app": {"type": "str", "required": True},
    "replicas": {"type": "str", "required": True},
    "environment": {"type": "str", "default": "production"},
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
        who = lock.this_process("scale", given["person"], socket.gethostname(), host.clock.now(), given["reason"])
        asked = Asked(given["app"], given["replicas"], given["environment"])
        report = change_scale.request(host, stack, asked, who, check=module.check_mode, lock_wait=given["lock_wait"])
    except RefusedError as error:
        end_refused(module, error)
    except OperationError as error:
        if module.check_mode:
            end_refused(module, error)
        module.fail_json(msg="\n".join(clean(line) for line in (error, *error.log)))
    module.exit_json(changed=report.changed, lines=[clean(line) for line in report.lines])


if __name__ == "__main__":
    main()
