# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: offline_copies
short_description: The copies that the values of stacks come from when working offline
description:
  - Reads the definitions of a host's stacks with the values of their env files, and reports which copies of Doppler
    configs were used and how old they are. Empty if no copy was needed.
  - The result contains no values.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Show which copies are used and how old they are
  ansible.builtin.debug:
    msg: "{{ query('onehost.release.offline_copies') }}"
  vars:
    offline: true
"""

RETURN = r"""
_raw:
  description: One line for each copy.
  type: list
  elements: str
"""

import time
from typing import Any

from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.onehost.release.plugins.plugin_utils.doppler import fetched


class LookupModule(LookupBase):
    """Lookup plugin of the collection."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        stacks = lookup_loader.get("onehost.release.stacks", loader=self._loader, templar=self._templar)
        stacks.run([], variables)
        return sorted(
            f"Doppler's config {source.name} of {answer.copied()}, {answer.age(time.time())} then"
            for source, answer in fetched.items()
            if answer.offline
        )
