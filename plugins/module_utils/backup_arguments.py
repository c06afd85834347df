# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Where the backups of a host go, as modules are told. Each secret is hidden by itself. Were all of it, Ansible would
# hide the name of the bucket in everything that a module says, and a stack may have the same name.
from collections.abc import Mapping
from typing import Any

_BUCKET: dict[str, Any] = {
    "endpoint": {"type": "str"},
    "bucket": {"type": "str"},
    "key": {"type": "str", "no_log": False},
    "secret": {"type": "str", "no_log": True},
    "region": {"type": "str"},
    "prefix": {"type": "str"},
    "ca_file": {"type": "str"},
    "by_path": {"type": "bool"},
}
#: The argument spec of the option C(backups).
BACKUPS: dict[str, Any] = {
    "type": "dict",
    "default": {},
    "options": {
        "directory": {"type": "str"},
        "passphrase": {"type": "str", "no_log": True},
        "bucket": {"type": "dict", "options": _BUCKET},
    },
}


def given_backups(backups: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of it: Ansible fills up what was not."""
    given = {name: value for name, value in backups.items() if value is not None}
    if bucket := given.get("bucket"):
        given["bucket"] = {name: value for name, value in bucket.items() if value is not None}
    return given
