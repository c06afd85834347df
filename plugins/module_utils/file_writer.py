# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# What the module `files` does to each file, directory and link.
import glob
import os
import shlex
import shutil
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

#: Programs that read a directory of settings ignore files with such a name.
PREFIX = ".onehost-"
SUFFIX = ".dpkg-new"


class FileWriter:
    """Writes one item after the other, and records what changed."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._write = not module.check_mode
        self.paths: list[str] = []
        self.diff: list[dict[str, Any]] = []

    def _changed(self, path: str, before: Any, after: Any) -> None:
        if path not in self.paths:
            self.paths.append(path)
        self.diff.append({"before_header": path, "after_header": path, "before": before, "after": after})

    def _set_attributes(self, entry: dict[str, Any], path: str, diff: dict[str, Any]) -> bool:
        wanted = {name: entry[name] for name in ("owner", "group", "mode")}
        arguments = {**wanted, "path": path, "secontext": [None, None, None], "attributes": None}
        return bool(self._module.set_fs_attributes_if_different(arguments, False, diff))

    def _keep_attributes(self, entry: dict[str, Any], path: str) -> None:
        diff: dict[str, Any] = {}
        if self._set_attributes(entry, path, diff):
            self._changed(path, diff.get("before", {}), diff.get("after", {}))

    def file(self, entry: dict[str, Any], path: str) -> None:
        there = os.path.lexists(path)
        if os.path.isdir(path):
            self._module.fail_json(msg=f"{path} is a directory. Fix: remove it, a file belongs there")
        before = _read(path) if there and not os.path.islink(path) else None
        after = entry["content"].encode()
        if before != after and not (there and entry["keep"]):
            self._changed(path, _text(before), _text(after))
            if self._write:
                self._replace(entry, path, after)
        if os.path.lexists(path) and not os.path.islink(path):
            self._keep_attributes(entry, path)

    def _replace(self, entry: dict[str, Any], path: str, data: bytes) -> None:
        handle, partial = tempfile.mkstemp(prefix=PREFIX, suffix=SUFFIX, dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            if entry["validate"]:
                self._validate(entry["validate"], path, partial)
            self._set_attributes(entry, partial, {})
            os.replace(partial, path)
        finally:
            if os.path.lexists(partial):
                os.remove(partial)

    def _validate(self, command: str, path: str, partial: str) -> None:
        if "%s" not in command:
            self._module.fail_json(msg=f"{path}: validate must contain %s: {command}")
        code, out, err = self._module.run_command(command.replace("%s", shlex.quote(partial)))
        if code != 0:
            os.remove(partial)
            self._module.fail_json(
                msg=f"{path} stays as it was: {command} failed on the new content", rc=code, stdout=out, stderr=err
            )

    def directory(self, entry: dict[str, Any], path: str) -> None:
        if not os.path.isdir(path):
            if os.path.lexists(path):
                self._module.fail_json(msg=f"{path} is no directory. Fix: remove it, a directory belongs there")
            self._changed(path, "", "directory\n")
            missing = [path]
            while not os.path.lexists(parent := os.path.dirname(missing[-1])):
                missing.append(parent)
            for folder in reversed(missing) if self._write else ():
                os.mkdir(folder, 0o700)
                self._set_attributes(entry, folder, {})
        if os.path.isdir(path):
            self._keep_attributes(entry, path)

    def link(self, entry: dict[str, Any], path: str) -> None:
        if os.path.lexists(path) and not os.path.islink(path):
            self._module.fail_json(msg=f"{path} is no link. Fix: remove it, a link belongs there")
        before = os.readlink(path) if os.path.lexists(path) else ""
        if before != entry["target"]:
            self._changed(path, f"{before}\n", f"{entry['target']}\n")
            if self._write:
                with tempfile.TemporaryDirectory(prefix=PREFIX, suffix=SUFFIX, dir=os.path.dirname(path)) as folder:
                    partial = os.path.join(folder, "link")
                    os.symlink(entry["target"], partial)
                    os.replace(partial, path)

    def absent(self, entry: dict[str, Any], pattern: str) -> None:
        found = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern))
        for path in found:
            if path in entry["except"]:
                continue
            self._changed(path, "is there\n", "")
            if self._write and os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif self._write:
                os.remove(path)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")
