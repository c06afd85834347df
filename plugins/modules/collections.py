#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: collections
short_description: Put collections of the control machine on the host
description:
  - Copies collections, with all that they depend on, as they are installed on the control machine. The host needs
    neither git nor Galaxy.
  - Each set of collections has a directory of its own, named after its content, which is never changed afterwards, so
    that a playbook that runs from one is not disturbed by the next.
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
    description: Names the directory that would be made.
  diff_mode:
    support: full
    description: Shows the directory that is made.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Put this collection on the host
  onehost.release.collections:
    path: /opt/onehost/collections
    names: [onehost.release]
  register: there

- name: Say what ANSIBLE_COLLECTIONS_PATH would be
  ansible.builtin.debug:
    var: there.directory
"""

RETURN = r"""
directory:
  description: The directory of this set, as C(collections_path) takes it.
  returned: always
  type: str
names:
  description: The collections with all that they depend on.
  returned: always
  type: list
  elements: str
"""
