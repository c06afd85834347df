# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of a molecule scenario, asked as root and on one connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from support import connection


def address(inventory: str) -> tuple[str, dict[str, Any]]:
    """For testinfra: the one host of an inventory that molecule/shared/create.yml wrote, and how to reach it. With
    `ansible://` each command would make a connection of its own, which takes longer than most of them."""
    hosts = yaml.safe_load((Path(inventory) / "hosts.yml").read_text())["all"]["hosts"]
    [(name, known)] = hosts.items()
    options = {
        "sudo": True,
        "ssh_identity_file": known["ansible_ssh_private_key_file"],
        "ssh_extra_args": known["ansible_ssh_common_args"],
        "controlpath": str(connection.sockets() / name),
        "controlpersist": connection.SECONDS,
    }
    return f"ssh://{known['ansible_user']}@{known['ansible_host']}:{known['ansible_port']}", options
