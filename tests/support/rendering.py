# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of roles, rendered by Ansible's own templar."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[2] / "roles"

#: What the module `reach` finds on a host without releases.
NOTHING_LIVE: dict[str, Any] = {"apps": {}, "ports": {}, "changes": []}


def trusted(value: Any) -> Any:
    """Mark the content of a variables file as trusted, so that ansible-core renders templates in it."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return [trusted(item) for item in value] if isinstance(value, list) else value


def templar(**variables: Any) -> Templar:
    return Templar(variables={"ansible_managed": "Ansible managed", "ansible_check_mode": False, **variables})


def render(role: str, template: str, **variables: Any) -> str:
    """One template of a role, with the role's defaults and vars."""
    text = (ROLES / role / "templates" / template).read_text()
    engine = templar(**{**variables_of(role), **variables})
    return str(engine.template(trust_as_template(text))) + "\n"


@functools.cache
def variables_of(role: str) -> dict[str, Any]:
    """The role's defaults and vars, read once in each process."""
    found: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        path = ROLES / role / part / "main.yml"
        if path.exists():
            found = {**trusted(yaml.safe_load(path.read_text()) or {}), **found}
    return found
