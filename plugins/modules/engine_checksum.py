#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_checksum
short_description: Find which engine is installed on the host
description:
  - M(onehost.release.engine) asks with it whether it has anything to do. That module brings the whole engine to the
    host to compare it, which takes a hundred times as long.
options:
  path:
    description:
      - Directory of the Python package C(release).
    type: path
    default: /usr/local/lib/onehost
  command:
    description:
      - The installed command.
    type: path
    default: /usr/local/bin/onehost
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
- name: Find which engine the host has
  onehost.release.engine_checksum:
  register: shop_engine
"""

RETURN = r"""
checksum:
  description: Of the paths, modes and contents of all files of the installed engine.
  returned: always
  type: str
outdated:
  description: Stacks whose files are where an earlier version kept them.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.engine_files import checksum, installed
from ansible_collections.onehost.release.plugins.module_utils.release.util import stack_places


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/usr/local/lib/onehost"},
            "command": {"type": "path", "default": "/usr/local/bin/onehost"},
        },
        supports_check_mode=True,
    )
    module.exit_json(
        changed=False,
        checksum=checksum(installed(module.params["path"], module.params["command"])),
        outdated=[name for name in stack_places.names() if not stack_places.is_there(name)],
    )


if __name__ == "__main__":
    main()
