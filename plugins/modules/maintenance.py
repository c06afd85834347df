#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance
short_description: Close a part of an environment for visitors for a while
description:
  - From now until a moment, HAProxy answers visitors with 503, C(Retry-After) and a page, as HTML or as JSON. All of an
    environment is closed, an app, or a path with what is below it.
  - Health checks, the status page and operations go on, and a promote still confirms what the apps answer. WebSockets
    that are open stay open.
  - It ends by itself, also where the host was off at that moment. Who began it, until when and why is recorded, and
    shown by the status, the status page and the reports of operations.
options:
  state:
    description:
      - Whether it is to be closed. V(off) without O(app) and O(route) opens everything.
      - Required, as V(on) or V(off).
    type: str
    default: ""
  environment:
    description:
      - Which environment. Required.
    type: str
    default: ""
  ends:
    description:
      - When it ends, from now as V(30m) or V(2h), or as a moment with its zone such as V(2026-11-26T21:30+01:00).
      - Required to begin it. Not over yet, and at most 30 days away.
    type: str
    default: ""
  app:
    description:
      - Only this web app.
    type: str
    default: ""
  route:
    description:
      - Only this path and what is below it, as visitors ask for it.
    type: str
    default: ""
  allow:
    description:
      - Addresses and networks whose visitors get through, beside those of the stack.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Reports what would be closed or opened.
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
- name: Close production for an hour, except for the office
  onehost.release.maintenance:
    state: "on"
    environment: production
    ends: 1h
    allow: [203.0.113.0/24]
    reason: the database moves
"""

RETURN = r"""
lines:
  description: What is closed now, or would be.
  returned: always
  type: list
  elements: str
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import maintenance
from ansible_collections.onehost.release.plugins.module_utils.release.planning.maintenance import Wish
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    **{
        name: {"type": "str", "default": ""}
        for name in ("stack", "state", "environment", "ends", "app", "route", "reason")
    },
    "allow": {"type": "list", "elements": "str", "default": []},
    "person": {"type": "str", "default": "unknown"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        who = lock.this_process("maintenance", given["person"], socket.gethostname(), host.clock.now(), given["reason"])
        wish = Wish(
            state=given["state"],
            environment=given["environment"],
            until=given["ends"],
            app=given["app"],
            route=given["route"],
            allow=tuple(given["allow"]),
        )
        report = maintenance.request(host, stack, wish, who, check=module.check_mode)
    except (RefusedError, OperationError) as error:
        end_refused(module, error)
    module.exit_json(changed=report.changed, lines=[clean(line) for line in report.lines])


if __name__ == "__main__":
    main()
