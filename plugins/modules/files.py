#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: files
short_description: Write several files, directories and links in one task
description:
  - Each task costs a round trip to the host, so the files that belong together are written by one. They are handled in
    the given order; the first that fails ends the task.
  - A file is validated before it replaces the old one, in one step and with the right owner and mode.
options:
  files:
    description:
      - What to write or to remove.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Where. Several paths get the same. With O(files[].state=absent) it may be a pattern, as in a shell.
        type: list
        elements: path
        required: true
      state:
        description:
          - What is there in the end.
        type: str
        choices: [file, directory, link, absent]
        default: file
      except:
        description:
          - Paths that stay, with O(files[].state=absent).
        type: list
        elements: path
        default: []
      content:
        description:
          - The whole text of a file.
        type: str
        default: ""
      keep:
        description:
          - Leaves the content of a file that is there already. Owner and mode are set all the same.
        type: bool
        default: false
      validate:
        description:
          - A command that must succeed before a file is replaced. C(%s) is the new file. Not run in check mode.
        type: str
      target:
        description:
          - Where a link leads.
        type: path
      write_as:
        description:
          - User with whose rights this entry is done, for places that this user may rename and replace. What is written
            is the user's. Missing directories are created where only root may create any. What is in the way is left
            alone, with a warning; a failed O(files[].validate) is an error all the same.
        type: str
      owner:
        description:
          - Owner of files and directories.
        type: str
        default: root
      group:
        description:
          - Group of a file or directory.
        type: str
        default: root
      mode:
        description:
          - Permissions of a file or directory, as an octal number in quotes. Required for both.
        type: str
attributes:
  check_mode:
    support: full
    description: Lists what would change.
  diff_mode:
    support: full
    description: Shows text, owner and mode before and after. Set C(diff=false) and C(no_log=true) for secrets.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Write the settings
  onehost.release.files:
    files:
      - path: /etc/shop
        state: directory
        mode: "0755"
      - path: /etc/shop/shop.conf
        content: "{{ lookup('ansible.builtin.template', 'shop.conf.j2') }}"
        mode: "0644"
        validate: shop --check %s
"""

RETURN = r"""
paths:
  description: What was written or removed, or would be in check mode.
  returned: always
  type: list
  elements: str
left_alone:
  description: What a user put in the way.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.owned_files import write_all

ENTRY = {
    "path": {"type": "list", "elements": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "link", "absent"], "default": "file"},
    "except": {"type": "list", "elements": "path", "default": []},
    "content": {"type": "str", "default": ""},
    "keep": {"type": "bool", "default": False},
    "validate": {"type": "str"},
    "target": {"type": "path"},
    "write_as": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str"},
}
REQUIRED = [("state", "file", ["mode"]), ("state", "directory", ["mode"]), ("state", "link", ["target"])]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": ENTRY, "required_if": REQUIRED}
        },
        supports_check_mode=True,
    )
    writer = write_all(module)
    module.exit_json(changed=bool(writer.paths), paths=writer.paths, left_alone=writer.blocked, diff=writer.diff)


if __name__ == "__main__":
    main()
