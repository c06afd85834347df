#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: definitions
short_description: Read the stacks as a host was provisioned with them
description:
  - Where a stack is left as it is, what all stacks share is made from this, and not from the inventory.
options:
  stacks:
    description:
      - Names of the stacks. Without them all that the host has; those that it has not are no error.
    type: list
    elements: str
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Nothing is changed.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Read what the host has
  onehost.release.definitions:
  register: provisioned
"""

RETURN = r"""
stacks:
  description: The definitions, without any env value.
  returned: always
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def main() -> None:
    module = AnsibleModule(
        argument_spec={"stacks": {"type": "list", "elements": "str"}},
        supports_check_mode=True,
    )
    wanted, stacks = module.params["stacks"], bootstrap.this_host().stacks
    try:
        found = [stacks.definition(name) for name in stacks.names() if wanted is None or name in wanted]
    except RefusedError as error:
        module.fail_json(msg=clean(error))
    module.exit_json(changed=False, stacks=[stack.to_mapping(with_env=False) for stack in found])


if __name__ == "__main__":
    main()
