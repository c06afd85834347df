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
import sys
from importlib.abc import InspectLoader
from typing import cast

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils import release
from ansible_collections.onehost.release.plugins.module_utils.engine_files import (
    PACKAGE,
    files_of,
    replace_package,
    same,
)
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import cli, remote
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints.commands import (
    certificates,
    cleanup,
    end_grace_period,
    expire_standby,
    notify,
    operate,
    page,
    recover,
    status,
)
from ansible_collections.onehost.release.plugins.module_utils.release.env import importer
from ansible_collections.onehost.release.plugins.module_utils.release.operations import compose_env_files, config_check
from ansible_collections.onehost.release.plugins.module_utils.release.operations import flags as flag_operations
from ansible_collections.onehost.release.plugins.module_utils.release.util import files as atomic

# Only what is imported travels with a module: these pull in the whole engine. The command imports the sub-command that
# was typed by its name, so each of them stands here.
SUB_COMMANDS = (certificates, cleanup, end_grace_period, expire_standby, notify, operate, page, recover, status)
PARTS = (cli, config_check, importer, remote, flag_operations, compose_env_files, *SUB_COMMANDS)

# Isolated (-I): the caller becomes root by sudo, so neither their directory nor their environment may bring code in.
# Without the site's own packages (-S), which the engine does not use and which take time to find.
PROGRAM = """#!/usr/bin/python3 -IS
# The release engine of onehost.release.
import sys

sys.path.insert(0, {path!r})
from release.{part} import main

raise SystemExit(main())
"""


def wanted_files(path: str, command_path: str) -> dict[str, tuple[bytes, int]]:
    """Content and mode of every file of an installed engine, by path."""
    result = {}
    for name, part in sorted(sys.modules.items()):
        if name != release.__name__ and not name.startswith(f"{release.__name__}."):
            continue
        relative = name[len(release.__name__) :].lstrip(".").replace(".", "/")
        file = os.path.join(relative, "__init__.py") if hasattr(part, "__path__") else f"{relative}.py"
        # Asked of whatever imported it, a zip archive as a rule. Ansible's own loader answers with bytes.
        loader = part.__spec__.loader if part.__spec__ else None
        source: object = cast(InspectLoader, loader).get_source(name)
        data = source if isinstance(source, bytes) else str(source).encode()
        result[os.path.join(path, PACKAGE, file)] = (data, 0o644)
    result[command_path] = (PROGRAM.format(path=path, part="entrypoints.cli").encode(), 0o755)
    result[os.path.join(path, "exchange")] = (PROGRAM.format(path=path, part="entrypoints.remote").encode(), 0o755)
    return result


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
    if not module.check_mode and (changed or gone):
        replace_package(path, {name: file for name, file in wanted.items() if name not in programs})
        for name in programs:
            if name in changed:
                atomic.write_atomically(name, *wanted[name])
            elif name in gone:
                os.remove(name)
    names = "".join(f"{name}\n" for name in changed + gone)
    module.exit_json(changed=bool(changed or gone), files=changed + gone, diff={"before": "", "after": names})


if __name__ == "__main__":
    main()
