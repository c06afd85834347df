# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Where the user who started Ansible is, derived from what they typed, so that printed commands can be pasted there.
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ansible import constants, context
from ansible_collections.onehost.release.plugins.module_utils.release.hints import Place, spell_all

#: The collection's own playbooks: a clone's, or those of an installed collection.
PLAYBOOKS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "playbooks"))
#: Set by onehost-control, which starts playbooks for people who do not see Ansible.
CONTROL = "ONEHOST_CONTROL"


def here(stack: object = "") -> Place:
    """The place of whoever typed this command, and the stack that the task or they themselves named."""
    given: Mapping[str, Any] = context.CLIARGS
    named = str(stack or "") or _typed_stack(given)
    if os.environ.get(CONTROL):
        return Place("control", stack=named, has_control=True)
    for playbook in typed_playbooks():
        folder = os.path.dirname(playbook)
        if os.path.realpath(folder) == PLAYBOOKS and os.path.exists(playbook):
            return Place("clone", tuple(_options(given)), folder, named)
    return Place("collection", tuple(_options(given)), stack=named)


def typed_playbooks() -> list[str]:
    """The playbooks of this run, as they were typed. Empty for `ansible` itself."""
    found = context.CLIARGS.get("args") or ()
    return [] if isinstance(found, str) else [str(name) for name in found]


def spelled(result: dict[str, Any], stack: object = "") -> dict[str, Any]:
    """A module's result with its commands as they are typed here."""
    return spell_all(result, here(stack))


def _typed_stack(given: Mapping[str, Any]) -> str:
    """The value of `-e stack=shop`, alone or among other variables. Files and JSON are not read."""
    found = ""
    for text in given.get("extra_vars") or ():
        for word in str(text).split():
            name, _sign, value = word.partition("=")
            if name == "stack":
                found = value
    return found


def _options(given: Mapping[str, Any]) -> Iterator[str]:
    """Options that select hosts and give access to them, without those that equal the configuration."""
    inventory = [str(item) for item in given.get("inventory") or ()]
    if inventory != [str(item) for item in constants.DEFAULT_HOST_LIST]:
        for item in inventory:
            yield from ("-i", shlex.quote(item if "," in item else _near(item)))
    if given.get("subset") and given["subset"] != constants.DEFAULT_SUBSET:
        yield from ("--limit", shlex.quote(str(given["subset"])))
    for item in given.get("vault_ids") or ():
        yield from ("--vault-id", shlex.quote(str(item)))
    for item in given.get("vault_password_files") or ():
        yield from ("--vault-password-file", shlex.quote(_near(str(item))))
    for key, option, usual in (
        ("ask_vault_pass", "--ask-vault-pass", constants.DEFAULT_ASK_VAULT_PASS),
        ("become_ask_pass", "--ask-become-pass", constants.DEFAULT_BECOME_ASK_PASS),
        ("ask_pass", "--ask-pass", constants.DEFAULT_ASK_PASS),
    ):
        if given.get(key) and not usual:
            yield option
    if given.get("remote_user") and given["remote_user"] != constants.DEFAULT_REMOTE_USER:
        yield from ("--user", shlex.quote(str(given["remote_user"])))
    if given.get("private_key_file") and given["private_key_file"] != constants.DEFAULT_PRIVATE_KEY_FILE:
        yield from ("--private-key", shlex.quote(_near(str(given["private_key_file"]))))


def _near(path: str) -> str:
    """The absolute or the relative path, whichever is shorter."""
    return min(os.path.relpath(path), path, key=len)
