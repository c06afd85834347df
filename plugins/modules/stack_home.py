#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_home
short_description: Provide the directories of a stack
description:
  - Root's own are below C(/var/lib/onehost/<stack>), where only root can rename or replace anything. The directory that
    the owner knows gets links to them, which are for people. It is written with the owner's rights.
  - Moves there what earlier versions kept in the owner's directory.
options:
  stack:
    description:
      - Name of the stack.
    type: str
    required: true
  directory:
    description:
      - The directory that the owner knows. Created for the owner where only root may create any.
    type: path
    required: true
  owner:
    description:
      - The user that it belongs to.
    type: str
    required: true
  network_pool:
    description:
      - Private addresses of IPv4 for the networks of containers. Each environment gets a block of 64 of them, which
        stays its own.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Lists what would be created or moved.
  diff_mode:
    support: full
    description: Lists what is created or moved.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Provide the stack's directories
  onehost.release.stack_home:
    stack: shop
    directory: /srv/shop
    owner: deploy
    network_pool: 172.16.224.0/19
"""

RETURN = r"""
paths:
  description: Directories and links that were created, or would be in check mode.
  returned: always
  type: list
  elements: str
networks:
  description: The addresses of the containers, by environment.
  returned: always, except in check mode before there is the owner
  type: dict
  sample: {staging: 172.16.224.0/26, production: 172.16.224.64/26}
"""

import pwd
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.owned_files import create_for
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import bootstrap
from ansible_collections.onehost.release.plugins.module_utils.release.errors import RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.operations import layout, networks
from ansible_collections.onehost.release.plugins.module_utils.release.process import lock
from ansible_collections.onehost.release.plugins.module_utils.release.stack.place import Place
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reserved import user_problem

ARGUMENTS = {
    "stack": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "owner": {"type": "str", "required": True},
    "network_pool": {"type": "str", "required": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given, write, told = module.params, not module.check_mode, []
    host = bootstrap.this_host()
    place = Place(given["stack"], given["directory"], given["owner"])
    number = _number(place.owner)
    if number is not None and (why := user_problem(place.owner, number)):
        fix = "name the user who works in the checkout"
        module.fail_json(msg=f"stack {place.stack}.owner: {place.owner!r} {why}. Fix: {fix}")
    outdated = place.stack in layout.outdated(host)
    who = lock.this_process("provision", "provision", socket.gethostname(), host.clock.now())
    try:
        # First without writing: a pool that cannot be used is refused before anything is changed.
        blocks = networks.provide(host, place.stack, given["network_pool"], who, write=False)
        if outdated and write:
            told += layout.move(host, place.stack, who)
            if not host.home.is_there(place.stack):
                module.fail_json(msg="; ".join(told))
        if write:
            create_for(place.owner, place.directory)
        elif number is None:
            # On a pristine host check mode has created no user.
            module.exit_json(changed=True, paths=[place.directory])
        provided = host.home.provide(place, write=write)
        if write:
            blocks = networks.provide(host, place.stack, given["network_pool"], who)
    except RefusedError as refused:
        module.fail_json(msg=str(refused))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or place.directory}: {error.strerror}")
    for sentence in told + blocks.notes + [f"left alone: {what}" for what in provided.blocked]:
        module.warn(sentence)
    given_now = [f"{name}: {block}" for name, block in blocks.blocks.items()] if blocks.changed else []
    diff = {"before": "", "after": "".join(f"{line}\n" for line in provided.paths + given_now)}
    changed = outdated or bool(provided.paths) or blocks.changed
    module.exit_json(changed=changed, paths=provided.paths, networks=blocks.blocks, diff=diff)


def _number(user: str) -> int | None:
    """The user's number; None if there is no such user."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


if __name__ == "__main__":
    main()
