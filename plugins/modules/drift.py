#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drift
short_description: Compare the source of a stack with its inventory
description:
  - Searches the files of a commit for addresses and environment variables, and tells those that the inventory does not
    know, with file, line and what belongs there. Known findings are kept in a file of the source, each with a reason.
  - Fetches the commit into the mirror on the host and changes nothing else.
options:
  version:
    description:
      - Branch, tag or commit. By default that of the stack.
    type: str
    default: ""
  fail:
    description:
      - Fail if there are new findings, instead of only reporting them.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Does the same.
  diff_mode:
    support: none
    description: Changes nothing.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Compare the source with the inventory
  onehost.release.drift:
    version: main
"""

RETURN = r"""
ok:
  description: Whether nothing new was found.
  returned: always
  type: bool
report:
  description: The commit, what is new and what was known, each with C(code), C(file), C(lines), C(what) and C(fix).
  returned: always
  type: dict
baseline:
  description: A baseline that knows everything that was found, as JSON. Reasons that are missing have to be written.
  returned: always
  type: str
lines:
  description: The same as human-readable lines.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import drift
from ansible_collections.onehost.release.plugins.module_utils.release.rendering import drift as text
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "version": {"type": "str", "default": ""},
    "fail": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        report = drift.request(host, host.stacks.load(host.stacks.choose(given["stack"])), given["version"])
    except (RefusedError, OperationError) as error:
        if module.check_mode:
            # A host may be looked at before it was ever provisioned.
            module.exit_json(changed=False, ok=False, report={}, baseline="", lines=[clean(error)])
        module.fail_json(msg=clean(error))
    lines = [clean(line) for line in text.lines(report)]
    result: dict[str, Any] = {
        "ok": report.ok,
        "report": text.document(report),
        "baseline": text.baseline(report),
        "lines": lines,
    }
    if given["fail"] and not report.ok:
        module.fail_json(msg="\n".join(lines), changed=False, **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
