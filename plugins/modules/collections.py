#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: collections
short_description: Copy collections from the control machine to the host
description:
  - Copies collections with their dependencies, as they are installed on the control machine. The host needs neither git
    nor Galaxy.
  - Each set of collections has its own directory, named after its content and never changed afterwards, so that a new
    set does not disturb a running playbook.
options:
  path:
    description:
      - Directory on the host that holds the sets.
    type: path
    required: true
  names:
    description:
      - Names of the collections.
    type: list
    elements: str
    required: true
attributes:
  action:
    support: full
    description: Packs on the control machine, unpacks on the host.
  check_mode:
    support: full
    description: Names the directory that would be created.
  diff_mode:
    support: full
    description: Shows the directory that is created.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Copy this collection to the host
  onehost.release.collections:
    path: /opt/onehost/collections
    names: [onehost.release]
  register: copied

- name: Show the value for ANSIBLE_COLLECTIONS_PATH
  ansible.builtin.debug:
    var: copied.directory
"""

RETURN = r"""
directory:
  description: The directory of this set, as a value for C(collections_path).
  returned: always
  type: str
names:
  description: The collections with all their dependencies.
  returned: always
  type: list
  elements: str
"""
