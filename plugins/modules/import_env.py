#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: import_env
short_description: Propose an env matrix from existing env files
description:
  - Reads env files, however untidy, and writes a row of C(env_matrix) for every key in them, for review by a person.
  - Values are written only to the file O(values), with mode 0600, and are never part of the result.
options:
  files:
    description:
      - The env files by layer, C(common), C(staging) or C(production).
    type: dict
    required: true
  dest:
    description:
      - File for the proposal, as YAML. Without it the proposal is only returned.
    type: path
  values:
    description:
      - File for the values, as YAML by layer. Encrypt it with ansible-vault at once.
    type: path
attributes:
  check_mode:
    support: full
    description: Returns the proposal and writes nothing.
  diff_mode:
    support: none
    description: The result lists the keys.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Create a matrix from existing env files
  onehost.release.import_env:
    files:
      common: old/.env
      production: old/.env.production
    dest: env_matrix.yml
"""

RETURN = r"""
env_matrix:
  description: The proposed rows.
  returned: always
  type: dict
notes:
  description: Peculiarities of the files, by key and line.
  returned: always
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible_collections.onehost.release.plugins.module_utils.release.env import importer
from ansible_collections.onehost.release.plugins.module_utils.release.util.files import write_atomically

LAYERS = ("common", "staging", "production")
HEAD = "# A proposal: look at each class, then move this into the stack's definition.\n"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "required": True},
            "dest": {"type": "path"},
            "values": {"type": "path"},
        },
        supports_check_mode=True,
    )
    layers, notes = {}, []
    for layer, path in module.params["files"].items():
        if layer not in LAYERS:
            module.fail_json(msg=f"{layer!r} is no layer: choose from " + ", ".join(LAYERS))
        try:
            with open(str(path), "rb") as file:
                found = importer.parse(file.read())
        except OSError as error:
            module.fail_json(msg=f"{path}: {error.strerror}")
        layers[layer] = found.values
        notes += [f"{layer}: {note}" for note in found.notes]
    rows = importer.propose(layers)
    wanted = {module.params["dest"]: (HEAD + importer.matrix_as_yaml(rows), 0o644)}
    wanted[module.params["values"]] = (importer.values_as_yaml(layers), 0o600)
    changed = False
    for path, (text, mode) in wanted.items():
        if path is None or same(path, text, mode):
            continue
        changed = True
        if not module.check_mode:
            write_atomically(path, text.encode(), mode)
    module.exit_json(changed=changed, env_matrix=rows, notes=[to_text(note) for note in notes])


def same(path: str, text: str, mode: int) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == text.encode() and os.stat(path).st_mode & 0o777 == mode
    except OSError:
        return False


if __name__ == "__main__":
    main()
