#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: engine
short_description: Install the release engine and its command on the host
description:
  - Installs the engine, which is part of every module of this collection, in a directory on the host, and a command
    that runs it. Scripts, timers and operators on the host then use the same code as the playbooks.
  - First compares a checksum of what is installed, modes included. The engine travels only to a host that differs.
options:
  path:
    description:
      - Directory of the Python package C(release).
    type: path
    default: /usr/local/lib/onehost
  command:
    description:
      - The command to install.
    type: path
    default: /usr/local/bin/onehost
  state:
    description:
      - Whether the engine is installed.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Lists the files that would change.
  diff_mode:
    support: full
    description: Lists the files that change.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Install the engine
  onehost.release.engine:
"""

RETURN = r"""
files:
  description: Files that were written or removed, or would be in check mode.
  returned: always
  type: list
  elements: str
"""

import os
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.engine_files import files_of, replace_package, same
from ansible_collections.onehost.release.plugins.module_utils.engine_parts import wanted_files
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.operations import layout
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.util import files as atomic


def move(module: AnsibleModule, stacks: list[str]) -> None:
    """Move the files of stacks that an earlier version provisioned."""
    host = bootstrap.this_host()
    who = lock.this_process("provision", "provision", socket.gethostname(), host.clock.now())
    for name in stacks:
        for sentence in layout.move(host, name, who):
            module.warn(sentence)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/usr/local/lib/onehost"},
            "command": {"type": "path", "default": "/usr/local/bin/onehost"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    path, state = module.params["path"], module.params["state"]
    wanted = wanted_files(path, module.params["command"]) if state == "present" else {}
    programs = (module.params["command"], os.path.join(path, "exchange"))
    changed = [name for name, (data, mode) in wanted.items() if not same(name, data, mode)]
    gone = sorted({*files_of(path), *filter(os.path.exists, programs)} - wanted.keys())
    moved = layout.outdated(bootstrap.this_host()) if wanted else []
    if moved and not module.check_mode:
        # Before the engine: the one that is installed goes on with the moved files, this one needs them moved.
        move(module, moved)
    if not module.check_mode and (changed or gone):
        replace_package(path, {name: file for name, file in wanted.items() if name not in programs})
        for name in programs:
            if name in changed:
                atomic.write_atomically(name, *wanted[name])
            elif name in gone:
                os.remove(name)
    names = "".join(f"{name}\n" for name in changed + gone)
    module.exit_json(changed=bool(changed or gone or moved), files=changed + gone, diff={"before": "", "after": names})


if __name__ == "__main__":
    main()
