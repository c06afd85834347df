#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reach
short_description: Find what the releases on the host need of router, edge and firewall
description:
  - By what a release is reached stays until that release is gone, whatever the inventory says of today. So router, edge
    and firewall are configured for the stacks of today and for what this module returns.
  - Says what the next release will change of how the live one is reached.
  - Fails if what is live could not go on answering. Changes nothing.
options:
  stacks:
    description:
      - All stacks of the host as they are to be from now on, as the lookup P(onehost.release.stacks#lookup) returns
        them, without values of env files.
    type: list
    elements: dict
    required: true
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It only reads.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Find what the releases on this host need
  onehost.release.reach:
    stacks: "{{ query('onehost.release.stacks', env=false) | map('onehost.release.without_env') | list }}"
  register: shop_reach
"""

RETURN = r"""
apps:
  description: For each C(<stack>-<environment>) the web apps of its releases, each with its longest timeout in seconds.
  returned: always
  type: dict
ports:
  description: For each C(<stack>-<environment>) the public ports of http of its releases.
  returned: always
  type: dict
changes:
  description: What the next releases change of how the live ones are reached, one line for each change.
  returned: always
  type: list
  elements: str
"""

import dataclasses

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import reach
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_stack
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def main() -> None:
    module = AnsibleModule(
        argument_spec={"stacks": {"type": "list", "elements": "dict", "required": True}}, supports_check_mode=True
    )
    try:
        stacks = [read_stack(stack.get("name", "stack"), stack, stored=True) for stack in module.params["stacks"]]
        needs = reach.gather(bootstrap.this_host(), stacks)
    except RefusedError as error:
        module.fail_json(msg=clean(error))
    module.exit_json(changed=False, **dataclasses.asdict(needs))


if __name__ == "__main__":
    main()
