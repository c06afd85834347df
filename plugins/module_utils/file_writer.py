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

from .release.util.files import read

#: Programs that read a directory of settings ignore files with such a name.
PREFIX = ".onehost-"
SUFFIX = ".dpkg-new"


class CannotWriteError(Exception):
    """What is in the way, and what to do about it; with the details of a failed validation."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class FileWriter:
    """Writes one item after the other, and records what changed."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._write = not module.check_mode
        self.checks_only = module.check_mode
        self.paths: list[str] = []
        self.diff: list[dict[str, Any]] = []
        #: What users put in the way of what is written with their rights.
        self.blocked: list[str] = []

    def apply(self, entry: dict[str, Any], path: str) -> None:
        """Bring one path of an entry to its state. Raises OSError and CannotWriteError."""
        actions = {"file": self._file, "directory": self._directory, "link": self._link, "absent": self._absent}
        actions[entry["state"]](entry, path)

    def add(self, paths: list[str], diff: list[dict[str, Any]]) -> None:
        """Record what was changed elsewhere."""
        self.paths += [path for path in paths if path not in self.paths]
        self.diff += diff

    def _changed(self, path: str, before: Any, after: Any) -> None:
        if path not in self.paths:
            self.paths.append(path)
        self.diff.append({"before_header": path, "after_header": path, "before": before, "after": after})

    def _set_attributes(self, entry: dict[str, Any], path: str, diff: dict[str, Any]) -> bool:
        # With the rights of a user everything written belongs to that user anyway.
        mine = not entry["write_as"]
        wanted = {"owner": entry["owner"] if mine else None, "group": entry["group"] if mine else None}
        arguments = {**wanted, "mode": entry["mode"], "path": path, "secontext": [None, None, None], "attributes": None}
        return bool(self._module.set_fs_attributes_if_different(arguments, False, diff))

    def _keep_attributes(self, entry: dict[str, Any], path: str) -> None:
        diff: dict[str, Any] = {}
        if self._set_attributes(entry, path, diff):
            self._changed(path, diff.get("before", {}), diff.get("after", {}))

    def _file(self, entry: dict[str, Any], path: str) -> None:
        there = os.path.lexists(path)
        if os.path.isdir(path) and not os.path.islink(path):
            raise CannotWriteError(f"{path} is a directory. Fix: remove it, a file belongs there")
        # A user cannot change what belongs to somebody else, but can replace it.
        foreign = there and bool(entry["write_as"]) and os.lstat(path).st_uid != os.geteuid()
        before = read(path) if there and not os.path.islink(path) and not foreign else None
        after = entry["content"].encode()
        if before != after and not (there and entry["keep"]):
            self._changed(path, _text(before), _text(after))
            if self._write:
                self._replace(entry, path, after)
        if os.path.lexists(path) and not os.path.islink(path) and not (foreign and not self._write):
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
            raise CannotWriteError(f"{path}: validate must contain %s: {command}")
        code, out, err = self._module.run_command(command.replace("%s", shlex.quote(partial)))
        if code != 0:
            message = f"{path} stays as it was: {command} failed on the new content"
            raise CannotWriteError(message, rc=code, stdout=out, stderr=err)

    def _directory(self, entry: dict[str, Any], path: str) -> None:
        if not os.path.isdir(path):
            if os.path.lexists(path):
                raise CannotWriteError(f"{path} is no directory. Fix: remove it, a directory belongs there")
            self._changed(path, "", "directory\n")
            missing = [path]
            while not os.path.lexists(parent := os.path.dirname(missing[-1])):
                missing.append(parent)
            for folder in reversed(missing) if self._write else ():
                os.mkdir(folder, 0o700)
                self._set_attributes(entry, folder, {})
        if os.path.isdir(path):
            self._keep_attributes(entry, path)

    def _link(self, entry: dict[str, Any], path: str) -> None:
        if os.path.lexists(path) and not os.path.islink(path):
            raise CannotWriteError(f"{path} is no link. Fix: remove it, a link belongs there")
        before = os.readlink(path) if os.path.lexists(path) else ""
        if before != entry["target"]:
            self._changed(path, f"{before}\n", f"{entry['target']}\n")
            if self._write:
                with tempfile.TemporaryDirectory(prefix=PREFIX, suffix=SUFFIX, dir=os.path.dirname(path)) as folder:
                    partial = os.path.join(folder, "link")
                    os.symlink(entry["target"], partial)
                    os.replace(partial, path)

    def _absent(self, entry: dict[str, Any], pattern: str) -> None:
        found = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern))
        for path in found:
            if path in entry["except"]:
                continue
            self._changed(path, "is there\n", "")
            if self._write and os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif self._write:
                os.remove(path)


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")
