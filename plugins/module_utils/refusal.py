# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# How a module ends if its request is refused.
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from .release.errors import OperationError, RefusedError
from .release.util.printable import clean


def end_refused(module: AnsibleModule, error: RefusedError | OperationError, **more: Any) -> NoReturn:
    """Fail with the reason. In check mode only report it, because the host may not have been provisioned yet; `more` is
    what else the module always returns."""
    if module.check_mode:
        module.exit_json(changed=False, lines=[f"would be refused: {clean(error)}"], **more)
    module.fail_json(msg=clean(error))
    raise AssertionError("fail_json does not return")
