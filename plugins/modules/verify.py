#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Ask what the outside was promised
description:
  - Asks the endpoints of the releases that are live, as the stack declares them under C(endpoints), and judges what
    comes. Changes nothing.
  - They are asked through the host's own ports with the right host name; the real addresses only with O(real).
options:
  environment:
    description:
      - Only this environment. Without it, all in which something is live.
    type: str
    default: ""
  real:
    description:
      - Ask the real addresses, by their names, from the host. Certificates must then be trusted by everybody.
    type: bool
    default: false
  exporter:
    description:
      - Return RV(modules) and RV(targets), too, with which Prometheus' blackbox exporter asks the same.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: The same, since nothing is changed.
  diff_mode:
    support: none
    description: Nothing is changed.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Ask what production promised
  onehost.release.verify:
    environment: production
"""

RETURN = r"""
holds:
  description: Whether every check holds. The module does not fail where one does not.
  returned: always
  type: bool
lines:
  description: The result for people.
  returned: always
  type: list
  elements: str
environments:
  description: Each environment with its checks, and for each of these what was missed.
  returned: always
  type: list
  elements: dict
junit:
  description: The same as JUnit's XML.
  returned: always
  type: str
modules:
  description: The exporter's configuration. What it does not watch is in its comments.
  returned: if O(exporter)
  type: str
targets:
  description: What is asked with which module, for Prometheus' C(file_sd_configs).
  returned: if O(exporter)
  type: str
unwatched:
  description: What the exporter does not ask or judge, and why.
  returned: if O(exporter)
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import verify
from ansible_collections.onehost.release.plugins.module_utils.release.rendering import endpoints, exporter
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "environment": {"type": "str", "default": ""},
    "real": {"type": "bool", "default": False},
    "exporter": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        found = verify.verify(host, stack, given["environment"], is_real=given["real"])
        watches = verify.watches(host, stack, given["environment"], is_real=given["real"]) if given["exporter"] else []
    except RefusedError as error:
        end_refused(module, error, holds=False, environments=[], junit="")
    except OperationError as error:
        module.fail_json(msg=clean(error))
    watched = {
        "modules": exporter.modules(watches),
        "targets": exporter.targets(watches),
        "unwatched": exporter.unwatched(watches),
    }
    module.exit_json(
        changed=False,
        lines=endpoints.lines(found),
        junit=endpoints.junit(found),
        **endpoints.document(found),
        **(watched if given["exporter"] else {}),
    )


if __name__ == "__main__":
    main()
