#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: router_maps
short_description: Provide the maps without which HAProxy does not start
description:
  - Each environment of a stack has a map file that says what is live, and one of the routes that feature flags have
    closed. They belong to the engine, and are written here only where they are missing or damaged.
  - What is live is then taken from HAProxy's memory, the history and the running containers. A map says that nothing is
    live only if none of these says otherwise.
options:
  stacks:
    description:
      - Names of the stacks.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: Returns what would be written.
  diff_mode:
    support: full
    description: Lists what the maps say that are written.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Provide HAProxy's maps
  onehost.release.router_maps:
    stacks: [shop]
"""

RETURN = r"""
lines:
  description: What the maps say that were written, one sentence each.
  returned: always
  type: list
  elements: str
haproxy:
  description: The version of HAProxy that is installed, for example C(3.0); empty if there is none.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import router_maps
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def main() -> None:
    arguments = {"stacks": {"type": "list", "elements": "str", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    write, lines = not module.check_mode, []
    host = bootstrap.this_host()
    try:
        readable = {stack.name: stack for stack in host.stacks.survey().stacks}
        for name in module.params["stacks"]:
            lines += [f"{name} {text}" for text in router_maps.provide(host, name, readable.get(name), write=write)]
    except (OSError, RefusedError, OperationError) as error:
        module.fail_json(msg=clean(error), lines=lines)
    diff = {"before": "", "after": "".join(f"{line}\n" for line in lines)}
    module.exit_json(changed=bool(lines), lines=lines, haproxy=host.router.version(), diff=diff)


if __name__ == "__main__":
    main()
