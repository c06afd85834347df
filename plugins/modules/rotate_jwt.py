#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rotate_jwt
short_description: Replace the key pair that a stack's apps sign tokens with
description:
  - Makes a new pair on the host and keeps the public key of before as C(jwt_public_previous.pem), so that tokens signed
    with it stay valid. The new pair goes live with the next deploy and promote. The private key never leaves the host.
options:
  stack:
    description:
      - The stack. May be left out when the host has only one.
    type: str
    default: ""
  state:
    description:
      - V(rotated) makes a new pair; V(finished) ends the overlap, after which only the new public key is valid.
    type: str
    choices: [rotated, finished]
    default: rotated
  overlap_hours:
    description:
      - How long the public key of before is to stay valid.
    type: float
    default: 24
  force:
    description:
      - End the overlap before its time.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Says what would be done.
  diff_mode:
    support: none
    description: Keys are not shown.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Make a new key pair
  onehost.release.rotate_jwt:

- name: End the overlap
  onehost.release.rotate_jwt:
    state: finished
"""

RETURN = r"""
lines:
  description: What was done, and what to type next.
  returned: always
  type: list
  elements: str
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release import jwt_rotation, provisioned
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationFailed, Refused

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["rotated", "finished"], "default": "rotated"},
    "overlap_hours": {"type": "float", "default": 24},
    "force": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        stack = provisioned.load_stack(provisioned.choose_stack(given["stack"]))
        if stack.keys is None:
            module.fail_json(msg=f"stack {stack.name} has no keys. Mend: add `keys` to its definition")
        directory = os.path.join(stack.directory, "config", "keys")
        if module.check_mode:
            going_on = jwt_rotation.pending(directory) is not None
            changed = going_on == (given["state"] == "finished")
            module.exit_json(changed=changed, lines=["would change the keys" if changed else "nothing to do"])
        if given["state"] == "finished":
            changed = jwt_rotation.finish(directory, time.time(), force=given["force"])
            lines = ["only the new public key is valid now" if changed else "no rotation is going on"]
        else:
            note = jwt_rotation.rotate(directory, stack.keys.user, time.time(), given["overlap_hours"] * 3600)
            until = time.strftime("%Y-%m-%d %H:%M", time.localtime(note["until"]))
            changed, lines = (
                True,
                [
                    f"a new key pair is in place; the public key of before is to stay valid until {until}",
                    "next: ansible-playbook playbooks/deploy_staging.yml, then playbooks/promote.yml bring it live",
                    "after that time: ansible-playbook playbooks/rotate_jwt.yml -e state=finished",
                ],
            )
    except (Refused, OperationFailed) as error:
        if module.check_mode:
            # As the operations: a host may be looked at before it was ever provisioned.
            module.exit_json(changed=False, lines=[f"would be refused: {error}"])
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, lines=lines)


if __name__ == "__main__":
    main()
