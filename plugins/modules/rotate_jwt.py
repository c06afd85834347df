#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rotate_jwt
short_description: Rotate the key pair that a stack's apps sign tokens with
description:
  - Generates a new pair on the host and keeps the previous public key as C(jwt_public_previous.pem), so that tokens
    signed with it stay valid. The new pair goes live with the next deploy and promote. The private key never leaves the
    host.
  - The grace period ends by itself, also after a reboot. From then on the file holds the new public key, in running
    containers too.
options:
  state:
    description:
      - V(rotated) generates a new pair; V(finished) ends the grace period now, so that only the new public key is
        valid.
    type: str
    choices: [rotated, finished]
    default: rotated
  overlap_hours:
    description:
      - The grace period, in which the previous public key stays valid. Defaults to the stack's C(keys.overlap_hours).
    type: float
  lock_wait:
    description:
      - How many seconds to wait for a running operation.
    type: float
    default: 0
  person:
    description:
      - Who does it. Shown to others who wait for the lock.
    type: str
    default: unknown
attributes:
  check_mode:
    support: full
    description: Reports what would be done.
  diff_mode:
    support: none
    description: Keys are not shown.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Rotate the key pair
  onehost.release.rotate_jwt:

- name: End the grace period
  onehost.release.rotate_jwt:
    state: finished
"""

RETURN = r"""
lines:
  description: What was done, and the next command to run.
  returned: always
  type: list
  elements: str
"""

import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.hints import hint
from ansible_collections.onehost.release.plugins.module_utils.release.operations import key_grace_period, key_rotation
from ansible_collections.onehost.release.plugins.module_utils.release.ports import Host
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import Stack

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["rotated", "finished"], "default": "rotated"},
    "overlap_hours": {"type": "float"},
    "lock_wait": {"type": "float", "default": 0},
    "person": {"type": "str", "default": "unknown"},
}
LONGEST_HOURS = 24 * 365


def would(host: Host, stack: Stack, state: str) -> tuple[bool, list[str]]:
    """What check mode tells: only a pair that may be replaced would be."""
    place = key_grace_period.directory(host, stack)
    if state == "rotated":
        key_rotation.check(place)
        return True, ["would make a new key pair"]
    going_on = key_rotation.pending(place) is not None
    return going_on, ["would end the grace period" if going_on else "no rotation is in progress"]


def change(host: Host, stack: Stack, given: dict[str, Any]) -> tuple[bool, list[str]]:
    who = lock.this_process("rotate_jwt", given["person"], socket.gethostname(), host.clock.now())
    if given["state"] == "finished":
        changed = key_grace_period.end(host, stack, who, early=True)
        if not changed:
            return False, ["no rotation is in progress"]
        return True, [
            "only the new public key is valid now",
            f"running apps keep the previous key pair until their next deploy or promote; {hint('status')} shows where",
        ]
    note = key_grace_period.begin(host, stack, given["overlap_hours"], who, lock_wait=given["lock_wait"])
    until = key_grace_period.moment(note["until"])
    return True, [
        f"a new key pair is in place; the previous public key stays valid until {until}",
        f"next: {hint('deploy_staging')}, then {hint('promote')}, to bring it live before then",
        f"the grace period ends by itself; to end it now: {hint('rotate_jwt', state='finished')}",
    ]


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    hours = given["overlap_hours"]
    if hours is not None and not 0 <= hours <= LONGEST_HOURS:
        module.fail_json(msg=f"overlap_hours: {hours:g} is out of range. Fix: choose 0 to {LONGEST_HOURS}")
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        if stack.keys is None:
            module.fail_json(msg=f"stack {stack.name} has no keys. Fix: add `keys` to its definition")
        if module.check_mode:
            changed, lines = would(host, stack, given["state"])
        else:
            changed, lines = change(host, stack, given)
    except (RefusedError, OperationError) as error:
        end_refused(module, error)
    module.exit_json(changed=changed, lines=lines)


if __name__ == "__main__":
    main()
