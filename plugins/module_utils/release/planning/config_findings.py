# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking the env files on a host against the env matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..env import secret_ages
from ..env.env_file import parse_env
from ..env.matrix_check import COMMON, SHORTEST_SECRET, Finding, check, concerning
from ..errors import Problem
from ..hints import hint
from ..paths import env_of
from ..releases import limits
from ..releases.host_state import HostState
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from ..util.addresses import SECRET_WORDS, without_credentials

#: As `format_env` writes a value, or so plain that every reader of env files parses it the same way.
_WRITTEN = re.compile(r"(?ms)^([A-Za-z_][A-Za-z0-9_]*)=('(?:\\'|[^'\\]|\\(?!'))*'|[A-Za-z0-9_./:@%+,=-]*)$")


_FREE = re.compile(r"\s*(#.*)?")


PROVISION = hint("provision")
BUILD_SECRETS = "move it to `build_secrets`, and replace it where it is issued"
_SECRET_NAME = re.compile(rf"(?i)(^|[_-])({SECRET_WORDS})([_-]|$)|(token|secret|password|passwd|api_?key)$")


def files_of(state: HostState) -> dict[str, bytes]:
    """The host's env files by layer, without missing ones, which have a message of their own."""
    return {layer: data for environment in ENVIRONMENTS for layer, data in state.env_of(environment).items()}


def read_layers(files: Mapping[str, bytes]) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """The values of each layer, and findings on hand-edited lines that readers would parse differently."""
    layers, found = {}, []
    for layer, data in files.items():
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            found.append(Finding(f"line {line}", layer, "cannot be carried", "is not UTF-8", PROVISION))
            text = data.decode(errors="replace")
        layers[layer] = parse_env(text)
        found += _strange_lines(layer, text)
    return layers, found


def _strange_lines(layer: str, text: str) -> list[Finding]:
    found, position = [], 0
    seen: set[str] = set()
    while position < len(text):
        match = _WRITTEN.match(text, position)
        end = match.end() if match else text.find("\n", position)
        end = len(text) if end < 0 else end
        number = text.count("\n", 0, position) + 1
        line = text[position:end]
        position = end + 1
        if match:
            if match.group(1) in seen:
                found.append(Finding(match.group(1), layer, "cannot be carried", "appears twice", PROVISION))
            seen.add(match.group(1))
        elif not _FREE.fullmatch(line):
            # Never the line itself: it may be the rest of a secret. Without an equals sign it has no name to show.
            name = re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", line)
            what = f"(line {number}) is not written the way provisioning writes it, and may be read differently"
            label = name.group(1) if name else f"line {number}"
            found.append(Finding(label, layer, "cannot be carried", what, PROVISION))
    return found


def _build_arguments(stack: Stack) -> dict[str, str]:
    """Every build argument by its place in the definition."""
    found = {f"build_arguments.{name}": value for name, value in stack.build_arguments.items()}
    for app in stack.apps.values():
        found |= {f"apps.{app.name}.build_arguments.{name}": v for name, v in app.build_arguments.items()}
    return found


def _public_secrets(stack: Stack, state: HostState) -> list[Finding]:
    """Secrets that are given to a build, where everybody who has the image or may log in to the host can read them."""
    layers, _strange = read_layers(files_of(state))
    secrets = {
        (name, value)
        for values in layers.values()
        for name, value in values.items()
        if name in stack.secrets and len(value) >= SHORTEST_SECRET
    }
    what = "is a build argument ({}): it stays in the image's history, and files that everybody may read hold it"
    return [
        Finding(name, COMMON, "public secret", what.format(place), BUILD_SECRETS)
        for place, given in sorted(_build_arguments(stack).items())
        for name, value in sorted(secrets)
        if value in given
    ]


def warnings(stack: Stack) -> list[str]:
    """What a definition allows and should be meant: it blocks nothing."""
    looks = [
        f"{place} looks like a secret, and build arguments are public. Fix: {BUILD_SECRETS}"
        for place, value in sorted(_build_arguments(stack).items())
        if _SECRET_NAME.search(place.rpartition(".")[2]) or without_credentials(value) != value
    ]
    return [*looks, *limits.warnings(stack)]


def findings(stack: Stack, state: HostState) -> list[Finding]:
    """Everything wrong with the files on the host. Without a matrix there is nothing to compare them with."""
    public = _public_secrets(stack, state)
    if not stack.env_matrix:
        return public
    layers, strange = read_layers(files_of(state))
    days = secret_ages.days(state.secret_record, state.now)
    found = public + strange + check(stack.env_matrix, layers, ENVIRONMENTS, days)
    # A missing file has a message of its own; do not also report each of its keys as missing.
    gone = {layer for name in ENVIRONMENTS for layer, data in state.env[name].items() if data is None}
    quiet = {layer: COMMON in gone or layer in gone for layer in (COMMON, *ENVIRONMENTS)}
    return [finding for finding in found if finding.code != "missing" or not quiet[finding.environment]]


def problems(stack: Stack, state: HostState, environment: EnvironmentName) -> list[Problem]:
    """What prevents bringing a release live in this environment."""
    place = env_of(stack.name)
    return [finding.problem(place) for finding in concerning(findings(stack, state), environment)]
