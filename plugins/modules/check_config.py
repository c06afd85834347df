#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_config
short_description: Check the configuration on the host against the env matrix
description:
  - Compares the env files on the host with the stack's C(env_matrix), and then the keys inside the running containers.
    Reports all findings at once. The result never contains a value.
  - Records when each secret last changed, by salted fingerprint.
options:
  environment:
    description:
      - Report only on this environment and the common layer.
    type: str
    choices: [staging, production]
  running:
    description:
      - Also check the running containers.
    type: bool
    default: true
  record:
    description:
      - Record when values of secrets have changed.
    type: bool
    default: true
  note:
    description:
      - Where new values came from, if not from their usual source. Kept in the record and shown by C(status), until an
        empty note says that values come from their usual source again.
    type: str
  fail:
    description:
      - Fail if there are findings, instead of only reporting them.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Checks the same and records nothing.
  diff_mode:
    support: full
    description: Lists the keys whose age starts anew.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Check the configuration
  onehost.release.check_config:
"""

RETURN = r"""
ok:
  description: Whether there are no findings.
  returned: always
  type: bool
findings:
  description: What is wrong, each with C(key), C(environment), C(code), C(what) and C(fix).
  returned: always
  type: list
  elements: dict
junit:
  description: The findings as JUnit XML.
  returned: always
  type: str
warned:
  description:
    - What the definition allows and should be meant, such as an app without limits. A warning is no finding.
  returned: always
  type: list
  elements: str
unsearched:
  description: Values of an environment's own that images are not searched for, and why. Keys only.
  returned: always
  type: list
  elements: str
due:
  description: Secrets that are due for replacement.
  returned: always
  type: list
  elements: str
renewed:
  description: Keys whose value has changed since the last check, as C(environment/key).
  returned: always
  type: list
  elements: str
lines:
  description: The findings as human-readable lines.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import config_check
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import ENVIRONMENTS
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "environment": {"type": "str", "choices": list(ENVIRONMENTS)},
    "running": {"type": "bool", "default": True},
    "record": {"type": "bool", "default": True},
    "note": {"type": "str"},
    "fail": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        result = config_check.report(
            host,
            host.stacks.load(host.stacks.choose(given["stack"])),
            environment=given["environment"] or None,
            running=given["running"],
            record=given["record"],
            write=not module.check_mode,
            note=given["note"],
        )
    except (RefusedError, OperationError) as error:
        if module.check_mode:
            # A host may be looked at before it was ever provisioned.
            module.exit_json(
                changed=False, ok=False, findings=[], junit="", due=[], warned=[], unsearched=[], lines=[clean(error)]
            )
        module.fail_json(msg=clean(error))
    changed = bool(result["renewed"])
    diff = {"before": "", "after": "".join(f"{label}\n" for label in result["renewed"])} if changed else {}
    if given["fail"] and not result["ok"]:
        module.fail_json(msg="\n".join(result["lines"]), changed=changed, diff=diff, **result)
    module.exit_json(changed=changed, diff=diff, **result)


if __name__ == "__main__":
    main()
