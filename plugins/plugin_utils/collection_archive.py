# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Collections of the control machine as one archive, for hosts that have neither git nor Galaxy. The same collections
# give the same digest, wherever and however they are installed.
import hashlib
import importlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import yaml

#: The parts of a collection that are needed to run it; tests, documentation and a clone's own folders are left out.
FOLDERS = ("meta", "playbooks", "plugins", "roles")
DESCRIPTIONS = ("MANIFEST.json", "galaxy.yml")
#: Left out: it belongs to a clone, and its paths are valid only there.
LEFT_OUT = ("playbooks/ansible.cfg",)
#: The last file of an archive: if it exists, so do all the others.
COMPLETE = "complete"


class CollectionMissingError(Exception):
    """A collection is not installed on the control machine."""


@dataclass(frozen=True)
class Entry:
    """One file of an archive: its name there, its path here."""

    name: str
    path: str
    executable: bool


def directory_of(name: str) -> str:
    """Where Ansible finds a collection on this machine."""
    try:
        package = importlib.import_module(f"ansible_collections.{name}")
    except ImportError:
        raise CollectionMissingError(
            f"the collection {name} is not installed on the control machine: ansible-galaxy collection install {name}"
        ) from None
    return os.path.realpath(next(iter(package.__path__)))


def dependencies_of(directory: str) -> list[str]:
    """Names of the collections that a collection depends on."""
    manifest = os.path.join(directory, "MANIFEST.json")
    if os.path.exists(manifest):
        with open(manifest, encoding="utf-8") as file:
            return list(json.load(file)["collection_info"]["dependencies"])
    with open(os.path.join(directory, "galaxy.yml"), encoding="utf-8") as file:
        return list(yaml.safe_load(file).get("dependencies") or {})


def with_dependencies(names: list[str]) -> dict[str, str]:
    """The directory of each collection and of all its dependencies, by name."""
    found: dict[str, str] = {}
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found[name] = directory_of(name)
            left += dependencies_of(found[name])
    return dict(sorted(found.items()))


def entries(collections: dict[str, str]) -> list[Entry]:
    """All files, sorted by name."""
    found = []
    for name, directory in collections.items():
        for relative in _files(directory):
            path = os.path.join(directory, relative)
            place = f"ansible_collections/{name.replace('.', '/')}/{relative}"
            found.append(Entry(place, path, bool(os.stat(path).st_mode & 0o100)))
    return sorted(found, key=lambda entry: entry.name)


def _files(directory: str) -> Iterator[str]:
    yield from (name for name in DESCRIPTIONS if os.path.isfile(os.path.join(directory, name)))
    for folder in FOLDERS:
        for parent, folders, files in os.walk(os.path.join(directory, folder)):
            folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
            for name in files:
                relative = os.path.relpath(os.path.join(parent, name), directory)
                if not name.startswith(".") and not name.endswith(".pyc") and relative not in LEFT_OUT:
                    yield relative


def digest(found: list[Entry]) -> str:
    """Changes with every name, content and executable bit, and with nothing else."""
    total = hashlib.sha256()
    for entry in found:
        with open(entry.path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
        total.update(f"{entry.name}\0{entry.executable}\0{content}\n".encode())
    return total.hexdigest()[:12]


def write(found: list[Entry], to: IO[bytes]) -> None:
    """Write the archive: files owned by root, readable by everybody."""
    with tarfile.open(fileobj=to, mode="w:gz", compresslevel=6) as archive:
        for entry in found:
            information = tarfile.TarInfo(entry.name)
            with open(entry.path, "rb") as file:
                content = file.read()
            information.size, information.mode = len(content), 0o755 if entry.executable else 0o644
            archive.addfile(information, io.BytesIO(content))
        last = tarfile.TarInfo(COMPLETE)
        last.mode = 0o644
        archive.addfile(last, io.BytesIO())
