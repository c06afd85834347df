#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: survey
short_description: Find what a host has, so that roles do only what is missing
description:
  - Reads in one task which packages are installed, which systemd units run and start at boot, which users there are,
    and which distribution it is. Asking apt and systemd for each of them costs a task each, and half a second.
  - Changes nothing. What it does not list may be there all the same, so a role then asks the module that installs it.
options:
  paths:
    description:
      - What else to look for.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It only reads.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Find what the host has
  onehost.release.survey:
  register: shop_found
"""

RETURN = r"""
distribution:
  description: The distribution's name in lower case, as in C(/etc/os-release).
  returned: always
  type: str
  sample: debian
packages:
  description: The version of each installed package of the host's own architecture.
  returned: always
  type: dict
  sample: {nginx: 1.26.3-3+deb13u1}
enabled:
  description: Services and timers that start at boot.
  returned: always
  type: list
  elements: str
up:
  description: Those of them that run now.
  returned: always
  type: list
  elements: str
paths:
  description: Those of the given paths that exist.
  returned: always
  type: list
  elements: str
users:
  description: Users that have a home directory.
  returned: always
  type: list
  elements: str
"""

import os
import pwd

from ansible.module_utils.basic import AnsibleModule

#: State and name of each package. The second letter of the state says what is there.
PACKAGES = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}\t${Package}\t${Version}\n"]
KINDS = ["--type=service,timer", "--no-legend", "--plain", "--no-pager"]
ACTIVE = ["systemctl", "list-units", "--state=active", *KINDS]
ENABLED = ["systemctl", "list-unit-files", "--state=enabled", *KINDS]
ARGUMENTS = {"paths": {"type": "list", "elements": "path", "default": []}}
OS_RELEASE = "/etc/os-release"


def lines(module: AnsibleModule, words: list[str]) -> list[str]:
    """What a program lists. A host without that program has nothing of it."""
    if not module.get_bin_path(words[0]):
        return []
    code, out, _err = module.run_command(words)
    return out.splitlines() if code == 0 else []


def first_words(rows: list[str]) -> list[str]:
    return [row.split()[0] for row in rows if row.strip()]


def distribution(text: str) -> str:
    """The value of ID."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return values.get("ID", "").strip("\"'").lower()


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    rows = [line.split("\t") for line in lines(module, PACKAGES)]
    release = ""
    if os.path.exists(OS_RELEASE):
        with open(OS_RELEASE, encoding="utf-8") as file:
            release = file.read()
    active = first_words(lines(module, ACTIVE))
    enabled = first_words(lines(module, ENABLED))
    module.exit_json(
        changed=False,
        distribution=distribution(release),
        packages={row[1]: row[2] for row in rows if len(row) == 3 and row[0][1:2] == "i"},
        enabled=enabled,
        up=[unit for unit in enabled if unit in active],
        paths=[path for path in module.params["paths"] if os.path.exists(path)],
        users=[user.pw_name for user in pwd.getpwall() if os.path.isdir(user.pw_dir)],
    )


if __name__ == "__main__":
    main()
