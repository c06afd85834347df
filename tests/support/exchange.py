# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks of operations ask the engine on a host, and what it answers: Ansible's part of them left out."""

from __future__ import annotations

import functools
import getpass
import json
import socket
from collections.abc import Mapping
from typing import Any

from operation_arguments import ARGUMENTS
from release.entrypoints.remote_client import VERSION_MISMATCH, engine_fingerprint
from release.hints import Place, spell_all
from release.paths import EXCHANGE_COMMAND as COMMAND

__all__ = ["COMMAND", "answer", "request"]

#: Each playbook, and its operation.
OPERATIONS = {"deploy_staging": "deploy", "promote": "promote", "rollback": "rollback"}
#: Variables of playbooks that have another name than the option that they set.
VARIABLES = {
    "release_person": "person",
    "release_watch_seconds": "watch_seconds",
    "release_warm_seconds": "warm_seconds",
}


@functools.cache
def fingerprint() -> str:
    """Of this clone's engine, which is the one that the host must have."""
    return engine_fingerprint()


def request(playbook: str, variables: Mapping[str, Any], *, check: bool) -> str:
    """What the playbook sends with these variables."""
    operation = OPERATIONS[playbook]
    known = ARGUMENTS[operation]
    arguments = {option: kind.get("default") for option, kind in known.items()}
    arguments |= {"person": getpass.getuser(), "origin": socket.gethostname()}
    for variable, value in variables.items():
        option = VARIABLES.get(variable, variable)
        if option not in known:
            raise ValueError(f"{playbook} takes no {variable}")
        words = known[option]["type"] == "list" and isinstance(value, str)
        arguments[option] = [word.strip() for word in value.split(",") if word.strip()] if words else value
    asked = {"engine": fingerprint(), "operation": operation, "check": check, "arguments": arguments}
    return json.dumps(asked)


def answer(text: str, stack: str) -> dict[str, Any]:
    """The result that the playbook's task would have, with commands as they are typed in a clone."""
    found: dict[str, Any] = json.loads(text)
    assert VERSION_MISMATCH not in found, "the host has another engine than this clone: it was provisioned before"
    place = Place("clone", ("-i", "inventories/lab"), "playbooks", stack)
    spelled: dict[str, Any] = spell_all(found, place)
    return spelled
