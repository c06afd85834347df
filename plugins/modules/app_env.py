#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_env
short_description: Write the env file of each app of a stack, and its feature flags
description:
  - Writes C(config/.env.<environment>.<app>) in the directory of the stack, for the developers' Compose file, from the
    stack's env files and the env matrix. Releases write their own files.
  - Removes the files of removed apps. Without a matrix there are no such files.
  - Provides the feature flags of new apps and flags as P(onehost.release.flag#module) does without a flag.
attributes:
  check_mode:
    support: full
    description: Lists the files that would change.
  diff_mode:
    support: none
    description: Values are not shown.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Write the env file and the flags of each app
  onehost.release.app_env:
    stack: shop
"""

RETURN = r"""
files:
  description: Names of the files that were written or removed.
  returned: always
  type: list
  elements: str
flags:
  description: What was set of the feature flags.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import compose_env_files, flags
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def main() -> None:
    module = AnsibleModule(argument_spec={"stack": {"type": "str", "default": ""}}, supports_check_mode=True)
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(module.params["stack"]))
        files = compose_env_files.provide(host, stack, write=not module.check_mode)
        turned = flags.provide(host, stack, write=not module.check_mode)
    except (RefusedError, OperationError) as error:
        if module.check_mode:
            # A host may be looked at before it was ever provisioned.
            module.exit_json(changed=True, files=[], flags=[])
        module.fail_json(msg=clean(error))
    module.exit_json(changed=bool(files or turned), files=files, flags=turned)


if __name__ == "__main__":
    main()
