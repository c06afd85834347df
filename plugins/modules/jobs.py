#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jobs
short_description: List, run, suspend and resume the jobs of what is live
description:
  - A job is an app with C(kind=job). It has no container that goes on running. It runs by its schedule, before or after
    a switch, or because somebody asks for it, in the image and with the values of the release that is live then.
  - Without I(run), I(suspend), I(resume) and I(history) all jobs are listed, with their next and their last run.
options:
  environment:
    description:
      - Environment that is meant. Required with any of the next four.
    type: str
    default: ""
  run:
    description:
      - Job to run now. The task waits for its end, and fails if the job fails. If the connection is lost, it goes on.
    type: str
    default: ""
  suspend:
    description:
      - Job that is no longer to run by its schedule. That stays so through releases and reboots.
    type: str
    default: ""
  resume:
    description:
      - Job that is to run by its schedule again. What has passed meanwhile is not made up for.
    type: str
    default: ""
  history:
    description:
      - Job whose newest runs are shown, with what the newest one has printed.
    type: str
    default: ""
  lock_wait:
    description:
      - For how many seconds to wait for a run of the same job that goes on.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    description: Reports what would be run or changed.
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
- name: List all jobs
  onehost.release.jobs:

- name: Send the digest now
  onehost.release.jobs:
    environment: production
    run: digest
    reason: the mail server was down this morning
"""

RETURN = r"""
lines:
  description: The list, or what was done.
  returned: always
  type: list
  elements: str
jobs:
  description: By environment and name each job with its schedule, its next run and its last one, if they were listed.
  returned: always
  type: dict
"""

import os
import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import job_requests
from ansible_collections.onehost.release.plugins.module_utils.release.operations.job_requests import JobWish
from ansible_collections.onehost.release.plugins.module_utils.release.paths import RESULTS
from ansible_collections.onehost.release.plugins.module_utils.release.process import background, lock
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

NAMES = ("environment", "run", "suspend", "resume", "history")
ARGUMENTS = {
    **{name: {"type": "str", "default": ""} for name in ("stack", *NAMES, "reason")},
    "person": {"type": "str", "default": "unknown"},
    "lock_wait": {"type": "float", "default": 0},
}


def carry_out(given: dict[str, Any], check: bool) -> dict[str, Any]:
    """Do what is asked for. Returns the module's result."""
    try:
        host = bootstrap.this_host()
        stack = host.stacks.load(host.stacks.choose(given["stack"]))
        who = lock.this_process("job", given["person"], socket.gethostname(), host.clock.now(), given["reason"])
        wish = JobWish(**{name: given[name] for name in NAMES}, lock_wait=given["lock_wait"])
        report = job_requests.request(host, stack, wish, who, check=check)
    except RefusedError as error:
        if check:
            # The host may not have been provisioned yet.
            return {"changed": False, "lines": [f"would be refused: {clean(error)}"], "jobs": {}}
        return {"failed": True, "msg": clean(error)}
    except OperationError as error:
        return {"failed": True, "msg": "\n".join(clean(line) for line in (error, *error.log))}
    lines = [clean(line) for line in report.lines]
    if report.failed:
        return {"failed": True, "msg": "\n".join(lines)}
    return {"changed": report.changed, "lines": lines, "jobs": report.plain_jobs}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given: dict[str, Any] = module.params
    if given["run"] and not module.check_mode:
        # In a process of its own: a job goes on to its end though the connection is lost.
        path = os.path.join(RESULTS, f"job-{os.getpid()}.json")
        _pid, result = background.start(lambda: carry_out(given, False), path, None)
        result = result or {"failed": True, "msg": "the run ended without a word"}
    else:
        result = carry_out(given, module.check_mode)
    if result.get("failed"):
        module.fail_json(msg=result.get("msg") or str(result.get("message")))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
