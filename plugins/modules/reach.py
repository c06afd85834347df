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
  - Says whether HAProxy needs anything of M(onehost.release.router_maps).
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
maps_missing:
  description: Whether a map of one of the stacks is missing or damaged, or that cannot be told.
  returned: always
  type: bool
haproxy:
  description: The version of HAProxy that is installed, for example C(3.0); empty if there is none.
  returned: always
  type: str
"""

import dataclasses

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import reach, router_maps
from ansible_collections.onehost.release.plugins.module_utils.release.ports import Host
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_stack
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def maps_missing(host: Host, names: list[str]) -> bool:
    """In doubt they are: the module that makes them says what is wrong."""
    try:
        readable = {stack.name: stack for stack in host.stacks.survey().stacks}
        return any(router_maps.provide(host, name, readable.get(name), write=False) for name in names)
    except (OSError, RefusedError, OperationError):
        return True


def main() -> None:
    module = AnsibleModule(
        argument_spec={"stacks": {"type": "list", "elements": "dict", "required": True}}, supports_check_mode=True
    )
    try:
        stacks = [read_stack(stack.get("name", "stack"), stack, stored=True) for stack in module.params["stacks"]]
        host = bootstrap.this_host()
        needs = reach.gather(host, stacks)
    except RefusedError as error:
        module.fail_json(msg=clean(error))
    module.exit_json(
        changed=False,
        **dataclasses.asdict(needs),
        maps_missing=maps_missing(host, [stack.name for stack in stacks]),
        haproxy=host.router.version(),
    )


if __name__ == "__main__":
    main()
