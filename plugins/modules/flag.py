#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flag
short_description: Turn a feature flag of running apps on or off
description:
  - Sets a feature flag that apps declare under C(flags), without a deploy. The apps read it from the file that
    C(FLAGS_FILE) names in their environment. The file is replaced atomically.
  - While a flag with a C(route) is off, HAProxy itself answers 503 for that path. Open WebSockets stay open.
  - The flag keeps its state through deploys, rollbacks and reboots. Who set it and why is recorded.
  - Without O(flag), writes the files of all apps, for newly declared flags.
options:
  flag:
    description:
      - Name of the flag.
    type: str
    default: ""
  state:
    description:
      - Wanted state of the flag.
    type: str
    choices: ["on", "off"]
    default: "on"
  environment:
    description:
      - Environment of the flag. Required with O(flag).
    type: str
    choices: [staging, production]
attributes:
  check_mode:
    support: full
    description: Reports what would change.
  diff_mode:
    support: none
    description: The result contains the change.
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.recorded
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Turn battles off
  onehost.release.flag:
    flag: battle
    state: "off"
    environment: production
    reason: matches never end
"""

RETURN = r"""
lines:
  description: What was set, or which flags differ from their defaults.
  returned: always
  type: list
  elements: str
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import (
    OperationError,
    Problem,
    RefusedError,
)
from ansible_collections.onehost.release.plugins.module_utils.release.hints import option
from ansible_collections.onehost.release.plugins.module_utils.release.operations import flags
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import ENVIRONMENTS

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "flag": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["on", "off"], "default": "on"},
    "environment": {"type": "str", "choices": list(ENVIRONMENTS)},
    "reason": {"type": "str", "default": ""},
    "person": {"type": "str", "default": "unknown"},
}

CHOOSE = ", with staging or production: it works at once"


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given, write = module.params, not module.check_mode
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        if given["flag"]:
            # First, for its refusal lists the known flags.
            declaring = flags.defining(host, stack, given["environment"])
            apps = ", ".join(flags.declared_by(declaring, given["flag"]))
            if not given["environment"]:
                raise RefusedError([Problem("is not given", "environment", option("where", "<which>") + CHOOSE)])
            now = host.clock.now()
            who = lock.this_process("flag", given["person"], socket.gethostname(), now, given["reason"])
            on = given["state"] == "on"
            changed = flags.set_flag(host, stack, given["environment"], given["flag"], on, who, write=write)
            verb = "is" if write else "would be"
            lines = [f"{given['flag']} {verb} {given['state']} in {given['environment']} ({apps})"]
        else:
            lines = flags.provide(host, stack, write=write)
            changed = bool(lines)
    except (RefusedError, OperationError) as error:
        end_refused(module, error)
    module.exit_json(changed=changed, lines=lines)


if __name__ == "__main__":
    main()
