# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The three key files that the module key_pair provides.
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .release.operations import key_rotation
from .release.util.files import write_atomically

PRIVATE = "jwt_private.pem"
PUBLIC = "jwt_public.pem"
PREVIOUS = "jwt_public_previous.pem"


class Pair:
    """The keys in the directory, and what was done to them."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._given = module.params
        self.files: list[str] = []

    def path(self, name: str) -> str:
        return os.path.join(self._given["directory"], name)

    def exists(self, name: str) -> bool:
        return os.path.exists(self.path(name))

    def _read(self, name: str) -> bytes:
        with open(self.path(name), "rb") as file:
            return file.read()

    def _note(self, name: str) -> None:
        if name not in self.files:
            self.files.append(name)

    def provide(self) -> None:
        """Write each missing key. In check mode only record it."""
        if not os.path.isdir(self._given["directory"]):
            self._note(".")
            if not self._module.check_mode:
                os.mkdir(self._given["directory"], 0o711)
        makers = {PRIVATE: self._private, PUBLIC: self._public, PREVIOUS: lambda: self._read(PUBLIC)}
        for name, make in makers.items():
            if not self.exists(name):
                self._note(name)
                if not self._module.check_mode:
                    write_atomically(self.path(name), make(), 0o600 if name == PRIVATE else 0o644)

    def _private(self) -> bytes:
        return _pem(self._given["private_key"]) or key_rotation.new_pair()[0]

    def _public(self) -> bytes:
        return _pem(self._given["public_key"]) or key_rotation.openssl(["pkey", "-pubout"], self._read(PRIVATE))

    def set_attributes(self) -> None:
        """Set owner and mode of the directory and the keys."""
        for name, owner, mode in (
            (".", self._given["owner"], "0711"),
            (PRIVATE, str(self._given["user"]), "0600"),
            (PUBLIC, self._given["owner"], "0644"),
            (PREVIOUS, self._given["owner"], "0644"),
        ):
            wanted: dict[str, Any] = {"path": self.path(name), "secontext": [None, None, None], "attributes": None}
            wanted |= {"owner": owner, "group": self._given["group"], "mode": mode}
            if self.exists(name) and self._module.set_fs_attributes_if_different(wanted, False):
                self._note(name)


def _pem(text: str) -> bytes:
    return f"{text.strip()}\n".encode() if text.strip() else b""
