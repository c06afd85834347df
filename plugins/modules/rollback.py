#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Roll production back to the previous release
description:
  - Starts the kept containers of the newest good release that is not live, or creates them from the release, waits
    until all are healthy, switches traffic, confirms and stops the other slot.
  - Needs no network, no build, no git and no registry.
  - A second rollback changes nothing, and a release that was rolled back from is never selected automatically.
options:
  release:
    description:
      - Roll back to this release of the history instead of the previous one.
    type: str
    default: ""
  secrets:
    description:
      - V(today) keeps the current values of secrets, V(release) restores those of the release.
    type: str
    choices: [today, release]
    default: today
  database:
    description:
      - What becomes of databases whose schema is newer than the one that the release went live with. Without it they
        stay as they are, and a release that a step in between does not fit is refused.
      - With V(keep) they stay, and the release goes live although a step took away what it may rely on.
      - With V(downgrade) C(migrate.down) of the stack brings them to the release's schema.
      - With V(restore) they go back to just before the migration, and what was written since is lost. Production is
        closed meanwhile.
      - All need O(confirm) where something could be lost.
    type: str
    choices: ["", keep, downgrade, restore]
    default: ""
  confirm:
    description:
      - The name of the environment, typed out, where data would be lost.
    type: str
    default: ""
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.operation
attributes:
  check_mode:
    support: full
    description: Reports which release would become live.
  diff_mode:
    support: full
    description: Shows the release before and after.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Roll back to the previous release
  onehost.release.rollback:
    reason: errors at checkout

- name: Roll back to a specific release
  onehost.release.rollback:
    release: 20261121T031800Z-production-1a2b3c4
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
lines:
  description: The whole report as human-readable lines.
  returned: when the operation has ended
  type: list
  elements: str
report:
  description:
    - The report as data, including C(release), C(was), C(slot), C(commit), C(seconds), C(steps) (seconds of each),
      C(gates), C(problems), C(recovered), C(log) and C(rollback_to).
  returned: when the operation has ended
  type: dict
running:
  description: True if the operation continues beyond O(wait_seconds); C(journal) and C(result) name its files.
  returned: when the module did not wait for the end
  type: bool
"""

from ansible_collections.onehost.release.plugins.module_utils.operation_module import run_module


def main() -> None:
    run_module("rollback")


if __name__ == "__main__":
    main()
