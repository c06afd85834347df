#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_reload
short_description: Have nginx load its configuration, and see that it does
description:
  - A reload of nginx is a signal. Whoever sends it is told of success, even if nginx then refuses the new configuration
    and goes on with the old one, for example because another process has a port.
  - This module reloads nginx, or starts it, waits until it has new workers, and fails with what nginx says otherwise.
    The role P(onehost.release.edge#role) then tries again when it runs next.
attributes:
  check_mode:
    support: full
    description: Nothing is reloaded.
  diff_mode:
    support: none
    description: There is nothing to compare.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Reload nginx
  onehost.release.edge_reload:
"""

RETURN = r"""
log:
  description: What nginx said, if it did not load the configuration.
  returned: failure
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    if not module.check_mode:
        try:
            bootstrap.this_host().edge.reload()
        except OperationError as error:
            module.fail_json(msg=clean(error), log=error.log)
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
