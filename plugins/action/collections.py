# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Runs on the control machine, where the collections are; see the module of the same name for what it does.
import tempfile
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.onehost.release.plugins.plugin_utils import collection_archive


class ActionModule(ActionBase):
    """Put collections on the host."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(
            argument_spec={
                "path": {"type": "path", "required": True},
                "names": {"type": "list", "elements": "str", "required": True},
            }
        )
        try:
            collections = collection_archive.with_dependencies(given["names"])
        except collection_archive.CollectionMissingError as missing:
            raise AnsibleActionFail(str(missing)) from None
        found = collection_archive.entries(collections)
        directory = f"{given['path']}/{collection_archive.digest(found)}"
        there = self._on_host("stat", task_vars, path=f"{directory}/{collection_archive.COMPLETE}")["stat"]["exists"]
        result.update(changed=not there, directory=directory, names=list(collections))
        result["diff"] = {"before": "" if there else "\n", "after": "" if there else f"{directory}\n"}
        if not there and not self._task.check_mode:
            self._unpack(found, directory, task_vars)
        return result

    def _unpack(self, found: list[collection_archive.Entry], directory: str, task_vars: dict[str, Any] | None) -> None:
        shell = self._connection._shell
        with tempfile.NamedTemporaryFile(prefix="onehost-", suffix=".tar.gz") as local:
            collection_archive.write(found, local)
            local.flush()
            remote = self._transfer_file(local.name, shell.join_path(shell.tmpdir, "collections.tar.gz"))
            self._fixup_perms2((shell.tmpdir, remote))
            self._on_host("file", task_vars, path=directory, state="directory", owner="root", group="root", mode="0755")
            self._on_host(
                "unarchive", task_vars, src=remote, dest=directory, remote_src=True, owner="root", group="root"
            )

    def _on_host(self, module: str, task_vars: dict[str, Any] | None, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=f"ansible.builtin.{module}", module_args=arguments, task_vars=task_vars
        )
        if answer.get("failed"):
            raise AnsibleActionFail(f"{module} on the host: {answer.get('msg', answer)}")
        return answer
