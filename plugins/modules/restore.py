#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Bring a database back to a moment
description:
  - Restores a PostgreSQL database that is backed up, in the place where it is. Its environment is in maintenance and
    its apps are stopped meanwhile; they look at what was restored read-only before visitors do, and everything is put
    back if they are not well. The cluster of before is kept.
  - With check mode it says what would be lost, how long it would take by the last drill, and whether it fits.
  - With O(into), a copy is made beside what runs, for somebody to look at, and nothing else is touched.
options:
  environment:
    description:
      - Which environment. Required.
    type: str
    default: ""
  database:
    description:
      - Which database, if the environment has several with backups.
    type: str
    default: ""
  at:
    description:
      - A moment with its zone, such as V(2026-11-26T09:55:00+09:00), or V(latest) for everything that is archived.
      - One of O(at), O(point) and O(release) is required, except with O(drop).
    type: str
    default: ""
  point:
    description:
      - The name of a restore point.
    type: str
    default: ""
  release:
    description:
      - To just before this release has migrated.
    type: str
    default: ""
  into:
    description:
      - V(scratch) for a copy beside what runs.
    type: str
    default: ""
  confirm:
    description:
      - The name of the environment, again. Without it nothing that runs is replaced.
    type: str
    default: ""
  drop:
    description:
      - Removes what a restore has left - a cluster of before by its name, V(all) of them, or V(look), the copy.
    type: str
    default: ""
  lock_wait:
    description:
      - How many seconds to wait for a running operation.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    description: Says what would be lost and how long it would take.
  diff_mode:
    support: none
    description: The result says what was done.
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.recorded
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Go back to before the orders were deleted
  onehost.release.restore:
    environment: production
    at: "2026-11-26T09:55:00+09:00"
    confirm: production
    reason: somebody has deleted the orders of a day
"""

RETURN = r"""
lines:
  description: What was done, or would be.
  returned: always
  type: list
  elements: str
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import restore
from ansible_collections.onehost.release.plugins.module_utils.release.planning.restores import Wish
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

WISHES = ("environment", "database", "at", "point", "release", "into", "confirm", "drop")
ARGUMENTS = {
    **{name: {"type": "str", "default": ""} for name in ("stack", "reason", *WISHES)},
    "person": {"type": "str", "default": "unknown"},
    "lock_wait": {"type": "float", "default": 0},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        who = lock.this_process("restore", given["person"], socket.gethostname(), host.clock.now(), given["reason"])
        wish = Wish(**{name: given[name] for name in WISHES})
        report = restore.request(host, stack, wish, who, check=module.check_mode, lock_wait=given["lock_wait"])
    except RefusedError as error:
        end_refused(module, error)
    except OperationError as error:
        if module.check_mode:
            end_refused(module, error)
        module.fail_json(msg="\n".join(clean(line) for line in (error, *error.log)))
    module.exit_json(changed=report.changed, lines=[clean(line) for line in report.lines])


if __name__ == "__main__":
    main()
