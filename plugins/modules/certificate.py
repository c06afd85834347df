#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Check a certificate and its key, and install them for the edge
description:
  - Both are checked as a browser would, by a TLS handshake, before anything is written. The module refuses a missing
    file, a world-readable key, a key of another certificate, and a certificate that is not valid now or does not cover
    a host name.
  - Certificate and key are written to one file, mode 0600, so that they change atomically. nginx is not reloaded.
options:
  name:
    description:
      - The environment, as C(<stack>-<environment>).
    type: str
    required: true
  certificate:
    description:
      - The certificate followed by its chain, in PEM format. A path on the host, or only the name to show if
        O(certificate_content) is set.
    type: str
    required: true
  key:
    description:
      - Its private key, likewise.
    type: str
    required: true
  certificate_content:
    description:
      - The certificate itself, in place of a file on the host.
    type: str
  key_content:
    description:
      - The key itself, in place of a file on the host.
    type: str
  hosts:
    description:
      - Host names that the certificate must cover.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Checks both and writes nothing.
  diff_mode:
    support: full
    description: Shows when the certificate expires. The key is never shown.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Install the certificate that another program renews
  onehost.release.certificate:
    name: shop-production
    certificate: /etc/letsencrypt/live/shop.example/fullchain.pem
    key: /etc/letsencrypt/live/shop.example/privkey.pem
    hosts: [shop.example]
"""

RETURN = r"""
valid_until:
  description: When the certificate expires.
  returned: success
  type: str
  sample: "2027-02-19T23:59:59+00:00"
problems:
  description: Everything that is wrong, each with its place and fix.
  returned: failure
  type: list
  elements: str
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.ports import EdgePort
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import NAME
from ansible_collections.onehost.release.plugins.module_utils.release.stack.tls import CertificatePair


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "certificate": {"type": "str", "required": True},
            "key": {"type": "str", "required": True, "no_log": False},
            "certificate_content": {"type": "str"},
            "key_content": {"type": "str", "no_log": True},
            "hosts": {"type": "list", "elements": "str", "default": []},
        },
        required_together=[("certificate_content", "key_content")],
        supports_check_mode=True,
    )
    given = module.params
    if not re.fullmatch(NAME, given["name"]):
        module.fail_json(msg=f"{given['name']!r} is not a name: it must match {NAME}")
    edge = bootstrap.this_host().edge
    try:
        pair = read(edge, given)
        until = edge.examine(pair, given["hosts"])
    except RefusedError as refused:
        problems = [str(problem) for problem in refused.problems]
        module.fail_json(msg=f"certificate of {given['name']}: " + " ".join(problems), problems=problems)
    changed = edge.place_certificate(given["name"], pair, write=not module.check_mode)
    shown = f"{given['name']}: valid until {until:%Y-%m-%d}\n"
    module.exit_json(
        changed=changed, valid_until=until.isoformat(), diff={"before": "" if changed else shown, "after": shown}
    )


def read(edge: EdgePort, given: dict[str, str | None]) -> CertificatePair:
    certificate, key = given["certificate"] or "", given["key"] or ""
    if given["certificate_content"] is None or given["key_content"] is None:
        return edge.read_certificate(certificate, key)
    return CertificatePair(given["certificate_content"].encode(), given["key_content"].encode(), certificate, key)


if __name__ == "__main__":
    main()
