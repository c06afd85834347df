# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error pages of a release: found in the source, kept with the release, and read from where they are."""

from __future__ import annotations

from collections.abc import Mapping

from ..env.env_file import fingerprint
from ..errors import OperationError, Problem
from ..hints import hint
from ..ports import Host
from ..releases.release import Release
from ..stack.error_pages import default, files, trouble_with
from ..stack.model import Stack


def find(host: Host, stack: Stack, commit: str, problems: list[Problem]) -> dict[str, str]:
    """The fingerprint of each file of the stack's pages in a commit. Adds what is wrong with them to `problems`."""
    found = of_commit(host, stack, commit, problems)
    return {name: fingerprint(data) for name, data in found.items()}


def of_commit(host: Host, stack: Stack, commit: str, problems: list[Problem]) -> dict[str, bytes]:
    wanted = files(stack.error_pages)
    paths = {path for path in wanted.values() if path}
    entries = host.git.entries(stack, commit, paths) if paths else {}
    known = {path: entry for path, entry in entries.items() if entry.kind == "blob"}
    texts = host.git.contents(stack, [entry.number for entry in known.values()]) if known else {}
    found: dict[str, bytes] = {}
    for name, path in wanted.items():
        if not path:
            found[name] = default(name)
            continue
        data = texts.get(known[path].number) if path in known else None
        why = "is no file of this commit" if data is None else trouble_with(name, data)
        if why or data is None:
            where = f"{commit[:12]}:{path}"
            problems.append(Problem(f"{why}, and error_pages names it", where, "add or correct it, and push"))
        else:
            found[name] = data
    return found


def contents(host: Host, stack: Stack, release: Release) -> dict[str, bytes]:
    """What the files of a release's pages hold, before it is written. Raises OperationError if one is lost."""
    if not release.pages:
        return {}
    found = of_commit(host, stack, release.commit, []) if release.operation == "deploy" else {}
    missing = _lacks(release.pages, found)
    for entry in reversed(host.store.releases(stack.name)) if missing else ():
        if missing and missing & entry.release.pages.items():
            found |= host.store.release_pages(stack, entry.release.id)
            missing = _lacks(release.pages, found)
    if missing:
        names = ", ".join(sorted(name for name, _print in missing))
        what, cause = "the error pages of the release are lost", f"{names} is in no release of the history as it was"
        raise OperationError(what, f"release {release.id}", cause, hint("deploy_staging"))
    return {name: found[name] for name in release.pages}


def _lacks(wanted: Mapping[str, str], found: Mapping[str, bytes]) -> set[tuple[str, str]]:
    return {(name, its) for name, its in wanted.items() if name not in found or fingerprint(found[name]) != its}
