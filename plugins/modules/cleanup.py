#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cleanup
short_description: Free disk space without removing anything that is needed
description:
  - Determines what must be kept, and removes no more of the rest than is needed to reach the required free space. First
    images by name, never forced, then BuildKit's cache beyond its limit, stopped containers of failed operations,
    volumes that are labelled as disposable, apt's cache, and journald's archive beyond its limit.
  - Always keeps what any container uses, C(<app>:staging), C(<app>:production), C(<app>:rollback) and every other tag
    that was set by hand, the live staging release, the last two good production releases of every stack, what an
    interrupted operation needs, and everything that the collection did not build.
  - Release directories and operation journals beyond their limits are removed whatever the free space.
  - Holds the locks of all environments while it removes something, so that no operation runs at the same time.
  - Fails, and lists the largest consumers, if there is still too little free space afterwards.
options:
  free_gb:
    description:
      - Free space to reach, in GB. Defaults to what the role C(disk_cleanup) configured on the host, or 20.
    type: float
  free_percent:
    description:
      - Free space to reach, in per cent of the file system. The higher of both values counts.
    type: float
  keep_releases:
    description:
      - How many release directories of each environment are kept.
    type: int
  keep_journals:
    description:
      - How many journals of finished operations are kept for each stack.
    type: int
  build_cache_gb:
    description:
      - How much of its cache BuildKit keeps.
    type: float
  journal_mb:
    description:
      - How much of its archive journald keeps.
    type: int
  lock_wait:
    description:
      - How many seconds to wait for a running operation.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    description: Returns the plan and removes nothing.
  diff_mode:
    support: full
    description: Lists what is removed.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Free disk space
  onehost.release.cleanup:

- name: Free a lot of disk space, waiting ten minutes for a running operation
  onehost.release.cleanup:
    free_gb: 60
    lock_wait: 600
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
lines:
  description: The whole report as human-readable lines.
  returned: always
  type: list
  elements: str
report:
  description:
    - The report as data, including C(free_before), C(free_after) and C(floor) in bytes, C(removed) with C(kind),
      C(names), C(bytes) and C(why) of each, C(kinds) (bytes by kind), and C(consumers).
  returned: always
  type: dict
"""

import dataclasses
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError, RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import cleanup
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

SETTINGS = {
    "free_gb": {"type": "float"},
    "free_percent": {"type": "float"},
    "keep_releases": {"type": "int"},
    "keep_journals": {"type": "int"},
    "build_cache_gb": {"type": "float"},
    "journal_mb": {"type": "int"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={**SETTINGS, "lock_wait": {"type": "float", "default": 0}}, supports_check_mode=True
    )
    try:
        host = bootstrap.this_host()
        settings = host.disk.settings({name: module.params[name] for name in SETTINGS})
        # Nothing of a stack that cannot be read is removed.
        known = host.stacks.survey()
        report = cleanup.make_room(
            host,
            known.stacks,
            settings,
            check=module.check_mode,
            locking=cleanup.Locking(wait_seconds=module.params["lock_wait"]),
        )
        cleanup.alarm(host, report, module.check_mode)
    except (RefusedError, OperationError) as error:
        if module.check_mode:
            # As the other operations: a host may be looked at before it was ever provisioned.
            module.exit_json(
                msg=clean(error), lines=[f"would be refused: {clean(error)}"], would_refuse=True, changed=False
            )
        module.fail_json(msg=clean(error))
    lines = cleanup.lines(report, module.check_mode) + [f"problem: {clean(problem)}" for problem in known.unreadable]
    names = "".join(f"{item.kind} {', '.join(item.names)}\n" for item in report.removed)
    diff = {"before": names, "after": ""}
    result: dict[str, Any] = {"report": dataclasses.asdict(report), "lines": lines, "diff": diff}
    if report.failed and not module.check_mode:
        module.fail_json(msg="\n".join(lines), changed=report.changed, **result)
    module.exit_json(msg=report.message, changed=report.changed, would_fail=report.failed, **result)


if __name__ == "__main__":
    main()
