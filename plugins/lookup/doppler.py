# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: doppler
short_description: Values of a Doppler config
description:
  - Fetches one Doppler config over HTTPS with a read-only service token. With names it returns their values in that
    order, without names one dictionary of all values.
  - If Doppler is down, slow or refuses the token, the lookup retries until a deadline and then fails. It never silently
    falls back to older values. With O(offline) it uses the copy of the last good response and warns how old it is.
  - The copy is a file with mode 0600 on the control machine.
options:
  _terms:
    description: Names of values.
    type: list
    elements: str
  config:
    description: Name of the config, which selects its token. Usually an environment.
    type: str
    required: true
  token:
    description:
      - Read-only service token. Defaults to C(doppler_tokens.<config>) from the inventory, best kept in ansible-vault,
        or C(DOPPLER_TOKEN_<CONFIG>) or C(DOPPLER_TOKEN) from the environment of the control machine.
    type: str
  tokens:
    description: Tokens by config.
    type: dict
    default: {}
    vars:
      - name: doppler_tokens
  offline:
    description: Use the copy of the last good response, and warn how old it is.
    type: bool
    default: false
    vars:
      - name: offline
  url:
    description: Address of Doppler's API.
    type: str
    default: https://api.doppler.com
    vars:
      - name: doppler_url
    env:
      - name: DOPPLER_API_HOST
  project:
    description: Project, for a token that can read several.
    type: str
    default: ""
    vars:
      - name: doppler_project
  deadline:
    description: Seconds for all attempts together.
    type: float
    default: 45
    vars:
      - name: doppler_deadline
  cache:
    description: Directory of the copies.
    type: path
    default: ~/.cache/onehost/doppler
    vars:
      - name: doppler_cache
    env:
      - name: ONEHOST_DOPPLER_CACHE
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
# In group_vars; the token is doppler_tokens.production in an ansible-vault file.
onehost_stack_shop:
  env:
    production: "{{ lookup('onehost.release.doppler', config='production') }}"
    staging:
      PUBLIC_URL: https://staging.shop.example
      API_TOKEN: "{{ lookup('onehost.release.doppler', 'API_TOKEN', config='staging') }}"
"""

RETURN = r"""
_raw:
  description: Values in the order of the names, or one dictionary.
  type: list
  elements: raw
"""

import os
import time
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.onehost.release.plugins.plugin_utils.doppler import (
    Answer,
    Doppler,
    DopplerError,
    fetched,
)

display = Display()


class LookupModule(LookupBase):
    """Lookup plugin of the collection."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        name = self.get_option("config")
        source = Doppler(
            token=self._token(name),
            name=name,
            cache=os.path.expanduser(self.get_option("cache")),
            base_url=self.get_option("url"),
            project=self.get_option("project"),
            config=name if self.get_option("project") else "",
            deadline_seconds=self.get_option("deadline"),
        )
        try:
            answer = self._answer(source)
        except DopplerError as error:
            raise AnsibleLookupError(str(error)) from None
        missing = [term for term in terms if term not in answer.values]
        if missing:
            raise AnsibleLookupError(f"Doppler's config {name} has no " + ", ".join(missing))
        return [answer.values[term] for term in terms] if terms else [dict(answer.values)]

    def _token(self, name: str) -> str:
        given = self.get_option("token") or self.get_option("tokens").get(name)
        if given:
            return str(given)
        return os.environ.get(f"DOPPLER_TOKEN_{name.upper()}") or os.environ.get("DOPPLER_TOKEN") or ""

    def _answer(self, source: Doppler) -> Answer:
        if source not in fetched:
            if self.get_option("offline"):
                answer = source.last_good()
                age = f"{answer.age(time.time())}, of {answer.copied()}"
                display.warning(f"offline: values of Doppler's config {source.name} are {age}")
            else:
                answer = source.fetch()
            fetched[source] = answer
        return fetched[source]
