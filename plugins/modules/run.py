#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run
short_description: Run a command in a new container of a release
description:
  - Runs a command in a container of its own, with the image, the values, the networks, the volumes and the limits that
    an app has in a release. Nothing is sent there, and it has no name that an app has.
  - It is removed at its end, at its time limit, and when whoever waits for it is gone. Person, reason, beginning, end
    and exit code are recorded; of the command the program alone, as its words may hold secrets.
options:
  app:
    description:
      - App whose container it is like.
    type: str
    required: true
  command:
    description:
      - Program and arguments, as a list, or as one text that is split into words as a shell would split it. No shell
        reads it, so a text with signs that only a shell would understand is refused.
    type: raw
    required: true
  environment:
    description:
      - Environment whose release, values and networks it has.
    type: str
    default: production
  release:
    description:
      - A release of the history, in place of the live one.
    type: str
    default: ""
  timeout_seconds:
    description:
      - For how long it may go. Then it gets SIGTERM, and SIGKILL after the app's C(stop_seconds).
    type: float
    default: 3600
attributes:
  check_mode:
    support: full
    description: Reports what would be run, word by word, and runs nothing.
  diff_mode:
    support: none
    description: It changes what the command changes.
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.recorded
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Count the users of production
  onehost.release.run:
    app: api
    command: [node, scripts/count-users.js]
    reason: the monthly report
"""

RETURN = r"""
lines:
  description: What it printed last, without secrets that the stack knows; or in check mode what would be run.
  returned: always
  type: list
  elements: str
exit_code:
  description: Its exit code. Another one than 0 is a failure.
  returned: when it was run
  type: int
"""

import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.refusal import end_refused
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import by_hand
from ansible_collections.onehost.release.plugins.module_utils.release.planning.by_hand import Asked
from ansible_collections.onehost.release.plugins.module_utils.release.planning.typed_commands import words_of
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "stack": {"type": "str", "default": ""},
    "app": {"type": "str", "required": True},
    "command": {"type": "raw", "required": True},
    "environment": {"type": "str", "default": "production"},
    "release": {"type": "str", "default": ""},
    "timeout_seconds": {"type": "float", "default": 3600},
    "reason": {"type": "str", "default": ""},
    "person": {"type": "str", "default": "unknown"},
}


class QuietModule(AnsibleModule):
    """A module whose arguments are not written into the host's log: a command may hold secrets."""

    def _log_invocation(self) -> None:
        return None


def main() -> None:
    module = QuietModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given: dict[str, Any] = module.params
    try:
        asked = Asked(
            app=given["app"],
            command=words_of(given["command"]),
            environment=given["environment"],
            release=given["release"],
            reason=given["reason"],
            person=given["person"],
            host=socket.gethostname(),
            timeout_seconds=given["timeout_seconds"],
        )
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        if module.check_mode:
            module.exit_json(changed=True, lines=[clean(line) for line in by_hand.preview(host, stack, asked)])
        ended, signal = by_hand.run(host, stack, asked, by_hand.Console())
    except RefusedError as error:
        end_refused(module, error)
    except OperationError as error:
        if module.check_mode:
            end_refused(module, error)
        module.fail_json(msg="\n".join(clean(line) for line in (error, *error.log)))
    lines, code = [clean(line) for line in ended.log], by_hand.exit_code(ended, signal)
    if code:
        said = ended.message or f"exit code {code}"
        module.fail_json(msg="\n".join([clean(f"{ended.app}: {said}"), *lines]), lines=lines, exit_code=code)
    module.exit_json(changed=True, lines=lines, exit_code=code)


if __name__ == "__main__":
    main()
