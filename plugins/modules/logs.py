#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: logs
short_description: Show what apps, services, jobs and builds have written
description:
  - Shows lines in the order of their times, of containers that are gone too. Each says where it is from.
  - To follow what is written from now on, type C(sudo onehost logs -f) on the host.
options:
  app:
    description:
      - Limit this to one app or service.
    type: str
    default: ""
  environment:
    description:
      - Limit this to one environment.
    type: str
    default: ""
  release:
    description:
      - Limit this to the containers of one release, by its id.
    type: str
    default: ""
  since:
    description:
      - Lines from then on. How long ago as C(45s), C(10m), C(2h) or C(3d), or a time such as C(2026-11-26T18:00), which
        is UTC unless it ends with a zone like C(+01:00).
    type: str
    default: ""
  grep:
    description:
      - Only lines that contain this text. It is no pattern.
    type: str
    default: ""
  lines:
    description:
      - The newest so many, V(1) to V(10000).
    type: str
    default: "100"
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
extends_documentation_fragment:
  - onehost.release.stack
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Show why the api of production fails
  onehost.release.logs:
    app: api
    environment: production
    since: 10m
    grep: ERROR
"""

RETURN = r"""
lines:
  description: The lines for people, with the time, the environment, the app and the commit before each.
  returned: always
  type: list
  elements: str
entries:
  description: One mapping for each line, with C(time), C(stack), C(environment), C(app), C(release), C(line) and more.
  returned: always
  type: list
  elements: dict
notes:
  description: What there is to know about lines that are not shown.
  returned: always
  type: list
  elements: str
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import logs
from ansible_collections.onehost.release.plugins.module_utils.release.planning.logs import wish
from ansible_collections.onehost.release.plugins.module_utils.release.releases.logs import Given, Line, Source
from ansible_collections.onehost.release.plugins.module_utils.release.rendering import logs as rendering
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "app": {"type": "str", "default": ""},
    "environment": {"type": "str", "default": ""},
    "release": {"type": "str", "default": ""},
    "since": {"type": "str", "default": ""},
    "grep": {"type": "str", "default": ""},
    "lines": {"type": "str", "default": "100"},
}
#: All of them travel to the control machine, and through Ansible's output.
MOST_LINES = 10_000


class Kept:
    """Lines as the result of a task."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.entries: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def show(self, line: Line, source: Source) -> None:
        self.lines.append(rendering.text_of(line, source))
        self.entries.append(json.loads(rendering.as_json(line, source)))

    def tell(self, text: str) -> None:
        self.notes.append(clean(text))

    def flush(self) -> None:
        """Nobody waits for them."""

    def is_open(self) -> bool:
        return True


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    kept = Kept()
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(module.params["stack"]))
        given = Given(*(module.params[name] for name in Given._fields))
        logs.show(host, stack, wish(stack, given, host.clock.now(), most=MOST_LINES), kept)
    except (RefusedError, OperationError) as error:
        end_refused(module, error, entries=[], notes=[])
    module.exit_json(changed=False, lines=kept.lines, entries=kept.entries, notes=kept.notes)


if __name__ == "__main__":
    main()
