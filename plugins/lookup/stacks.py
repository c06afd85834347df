# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stacks
short_description: The stacks of a host, read from its variables, validated, with all defaults filled in
description:
  - Collects all variables whose names begin with C(onehost_stack_). Each describes one stack; a second stack on the
    same host is a second variable, usually in its own group_vars file.
  - All problems of all stacks are reported at once.
options:
  _terms:
    description: Names of stacks to return. Defaults to all.
    type: list
    elements: str
  env:
    description:
      - Whether the result contains env values. Without them their sources are not read, so that an operation depends on
        neither vault nor network.
    type: bool
    default: true
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Show the names of this host's stacks
  ansible.builtin.debug:
    msg: "{{ query('onehost.release.stacks') | map(attribute='name') }}"
"""

RETURN = r"""
_raw:
  description: The stacks as plain data.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.onehost.release.plugins.module_utils.release.errors import RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_stacks

PREFIX = "onehost_stack_"


class LookupModule(LookupBase):
    """Lookup plugin of the collection."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        names = sorted(name for name in (variables or {}) if name.startswith(PREFIX))
        self.set_options(var_options=variables, direct=kwargs)
        with_env = self.get_option("env")
        reader = lookup_loader.get("ansible.builtin.vars", loader=self._loader, templar=self._templar)
        definitions = {}
        for name in names:
            raw = (variables or {})[name]
            if with_env or not isinstance(raw, Mapping):
                definition = reader.run([name], variables)[0]
            else:
                definition = self._templar.template({key: value for key, value in raw.items() if key != "env"})
            definitions[name[len(PREFIX) :].replace("_", "-")] = definition
        try:
            stacks = read_stacks(definitions)
        except RefusedError as refused:
            lines = "\n".join(f"  - {problem}" for problem in refused.problems)
            raise AnsibleLookupError(
                f"{len(refused.problems)} problem(s) in the definition of the stacks:\n{lines}"
            ) from None
        return [stack.to_mapping(with_env=with_env) for stack in stacks if not terms or stack.name in terms]
