# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing the source of a stack with its inventory: addresses and variables that are not, or no longer, true."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..env.env_file import parse_env
from ..errors import OperationError, Problem, RefusedError
from ..hints import hint
from ..planning.config_findings import files_of
from ..planning.deploy import choose, names_of
from ..planning.drift.files import LARGEST, is_searched
from ..planning.drift.findings import Finding, read_baseline, sort
from ..planning.drift.matrix import inventory_of
from ..planning.drift.report import DriftReport
from ..planning.drift.search import Search
from ..ports import Host
from ..releases.host_state import HostState
from ..stack.drift import Drift
from ..stack.model import ENVIRONMENTS, Stack
from ..util.ignores import Ignores

#: How many findings a deploy tells; all of them are told by themselves.
TOLD = 5


def request(host: Host, stack: Stack, version: str = "") -> DriftReport:
    """Fetch the source, and search the commit that a version means. Raises RefusedError."""
    drift = _drift_of(stack)
    if trouble := host.git.problem(stack):
        raise RefusedError([Problem(trouble, f"stack {stack.name}", f"set `source`, then {hint('provision')}")])
    wanted = version or stack.version
    try:
        host.git.fetch(stack)
    except OperationError as error:
        raise RefusedError([Problem(f"{error.what}: {error.cause}", error.where, error.fix)]) from error
    commit, unclear = choose(wanted, host.git.resolve(stack, names_of(wanted)))
    if unclear:
        raise RefusedError([unclear])
    files = {
        layer: data
        for environment in ENVIRONMENTS
        for layer, data in host.store.config_env(stack, environment).items()
        if data is not None
    }
    return dataclasses.replace(_search(host, stack, drift, files, commit), version=wanted)


def for_deploy(host: Host, stack: Stack, state: HostState, commit: str) -> tuple[list[Problem], list[str]]:
    """What stops a deploy of this commit, by the stack's own setting, and what is only told."""
    drift = _drift_of(stack)
    found = _search(host, stack, drift, files_of(state), commit).new
    stops = [one for one in found if drift.stops_deploy == "all" or (drift.stops_deploy == "errors" and one.is_error)]
    told = [one for one in found if one not in stops]
    lines = [f"drift: {one.problem()}" for one in told[:TOLD]]
    if len(told) > TOLD:
        lines.append(f"drift: {len(told) - TOLD} more findings; {hint('drift')} shows all of it")
    return [one.problem() for one in stops], lines


def _drift_of(stack: Stack) -> Drift:
    if stack.drift is None:
        fix = f"add `drift: {{}}`, see docs/drift.md, then {hint('provision')}"
        raise RefusedError([Problem("does not say what its source may name", f"stack {stack.name}", fix)])
    return stack.drift


def _search(host: Host, stack: Stack, drift: Drift, files: Mapping[str, bytes], commit: str) -> DriftReport:
    begun = host.clock.monotonic()
    inventory = inventory_of(stack, drift, {layer: parse_env(data) for layer, data in files.items()})
    search, leave_out = Search(stack, drift, inventory), Ignores(drift.leave_out)

    def wanted(path: str, size: int) -> bool:
        if path == drift.baseline:
            return True
        if not is_searched(path, leave_out):
            return False
        if size > LARGEST:
            search.too_large(path, size)
        return size <= LARGEST

    baseline = b""
    folders = sorted({app.context for app in stack.apps.values() if app.context})
    for path, data in host.git.texts(stack, commit, folders, wanted):
        if path == drift.baseline:
            baseline = data
        else:
            search.look(path, data)
    known, wrong = read_baseline(baseline, drift.baseline) if baseline else ([], [])
    found = [Finding("baseline", drift.baseline, (), p.where, p.where, p.what, p.fix) for p in wrong]
    judged = sort([*found, *search.findings()], known)
    return DriftReport(
        stack=stack.name,
        commit=commit,
        version="",
        files=search.files,
        seconds=round(host.clock.monotonic() - begun, 2),
        new=judged.new,
        known=judged.known,
        stale=judged.stale,
        baseline=known,
    )
