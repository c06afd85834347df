#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: key_pair
short_description: Provide an RS256 key pair in a directory
description:
  - Provides C(jwt_private.pem), C(jwt_public.pem) and C(jwt_public_previous.pem). The last one is the previous public
    key during the grace period after a rotation, see M(onehost.release.rotate_jwt), and otherwise a copy of the public
    key, so that the file that apps mount always exists.
  - A key that exists is never overwritten; only its owner and mode are corrected.
  - Refuses a public key without its private key, because a new private key would not match it.
options:
  directory:
    description:
      - Where. Created if its parent exists. Others may open a key whose name they know, but not list the directory.
    type: path
    required: true
  user:
    description:
      - Numeric user that owns the private key.
    type: int
    required: true
  private_key:
    description:
      - PEM of an existing private key. Generated with 2048 bits if neither given nor on the host.
    type: str
    default: ""
  public_key:
    description:
      - PEM of the public key. Derived from the private key if neither given nor on the host.
    type: str
    default: ""
  owner:
    description:
      - Owner of the directory and of the public keys.
    type: str
    default: root
  group:
    description:
      - Group of directory and keys.
    type: str
    default: root
attributes:
  check_mode:
    support: full
    description: Lists the files that would be written. A public key without its private key is refused all the same.
  diff_mode:
    support: none
    description: Keys are not shown.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Provide a key pair
  onehost.release.key_pair:
    directory: /etc/shop/keys
    user: 10001
"""

RETURN = r"""
files:
  description: Names of the files that were written or whose owner or mode changed, or would be in check mode.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.key_pair_files import PRIVATE, PUBLIC, Pair
from ansible_collections.onehost.release.plugins.module_utils.release.errors import OperationError
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "user": {"type": "int", "required": True},
    "private_key": {"type": "str", "default": "", "no_log": True},
    "public_key": {"type": "str", "default": "", "no_log": False},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    pair = Pair(module)
    if pair.exists(PUBLIC) and not pair.exists(PRIVATE) and not module.params["private_key"].strip():
        public, private = pair.path(PUBLIC), pair.path(PRIVATE)
        module.fail_json(
            msg=f"{public} exists, but {private} does not, and a new private key would not match it. Fix: restore the "
            f"private key, or remove the public key to have a new pair generated (rm {public})."
        )
    try:
        pair.provide()
        pair.set_attributes()
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")
    except OperationError as error:
        module.fail_json(msg=clean(error))
    module.exit_json(changed=bool(pair.files), files=pair.files)


if __name__ == "__main__":
    main()
