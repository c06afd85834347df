# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration on the host against the matrix: the files, and then what the running containers really have."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Protocol

from . import ages, matrix_report
from .app_env import values_of
from .env_file import parse_env
from .errors import Problem
from .matrix_check import COMMON, Finding, check, concerning
from .observed import Observed, observe
from .seam import Container, Host
from .stack import ENVIRONMENTS, Stack

#: As `format_env` writes a value, or so plain that every reader of env files takes it for the same.
_WRITTEN = re.compile(r"(?ms)^([A-Za-z_][A-Za-z0-9_]*)=('(?:\\'|[^'\\]|\\(?!'))*'|[A-Za-z0-9_./:@%+,=-]*)$")
_FREE = re.compile(r"\s*(#.*)?")

PROVISION = "ansible-playbook playbooks/provision.yml"


class Looking(Protocol):
    """What the truth check asks of Docker."""

    def environment(self, container: str) -> tuple[dict[str, str], dict[str, str]]:
        """The environment of a container, and that of its image."""


def files_of(seen: Observed) -> dict[str, bytes]:
    """The env files of the host by layer, without the missing ones, which have a message of their own."""
    return {layer: data for environment in ENVIRONMENTS for layer, data in seen.env_of(environment).items()}


def read_layers(files: Mapping[str, bytes]) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """The values of each layer, and what a hand has left in the files that readers would understand differently."""
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
                found.append(Finding(match.group(1), layer, "cannot be carried", "is there twice", PROVISION))
            seen.add(match.group(1))
        elif not _FREE.fullmatch(line):
            # Never the line itself: it may be the rest of a secret. A name before an equals sign is none.
            name = re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", line)
            what = f"(line {number}) is not written as provision.yml writes it, and may be read differently"
            label = name.group(1) if name else f"line {number}"
            found.append(Finding(label, layer, "cannot be carried", what, PROVISION))
    return found


def findings(stack: Stack, seen: Observed) -> list[Finding]:
    """Everything wrong with the files on the host. Without a matrix there is nothing to compare them with."""
    if not stack.env_matrix:
        return []
    layers, strange = read_layers(files_of(seen))
    days = ages.days(seen.secret_record, seen.now)
    found = strange + check(stack.env_matrix, layers, ENVIRONMENTS, days)
    # A file that is gone has a message of its own; that each of its keys is missing is no news.
    gone = {layer for name in ENVIRONMENTS for layer, data in seen.env[name].items() if data is None}
    quiet = {layer: COMMON in gone or layer in gone for layer in (COMMON, *ENVIRONMENTS)}
    return [finding for finding in found if finding.code != "missing" or not quiet[finding.environment]]


def problems(stack: Stack, seen: Observed, environment: str) -> list[Problem]:
    """What stands in the way of bringing a release live in this environment."""
    place = f"{stack.directory}/config"
    return [finding.problem(place) for finding in concerning(findings(stack, seen), environment)]


def report(
    host: Host,
    docker: Looking,
    stack: Stack,
    *,
    environment: str = "",
    running: bool,
    record: bool,
    write: bool,
    note: str | None = None,
) -> dict[str, Any]:
    """Everything check_config.yml shows, as plain data; notes the ages of secrets when asked to."""
    seen = observe(host, stack)
    renewed: list[str] = []
    if record:
        after = ages.updated(seen.secret_record, _secret_values(stack, seen), seen.now, note)
        renewed = ages.changed(seen.secret_record, after)
        if write and after != seen.secret_record:
            host.store.set_secret_record(stack, after)
        seen = dataclasses.replace(seen, secret_record=after)
    found = findings(stack, seen)
    found += [
        Finding(f".env.{layer}", layer, "missing", "is missing", PROVISION)
        for name in ENVIRONMENTS
        for layer, data in seen.env[name].items()
        if data is None and (layer != COMMON or name == ENVIRONMENTS[0])
    ]
    notes: list[str] = []
    if running and stack.env_matrix:
        inside, notes = truth(stack, seen, docker)
        found += inside
    environments = (environment,) if environment else ENVIRONMENTS
    if environment:
        found = concerning(found, environment)
    due = ages.due(stack.env_matrix, ages.days(seen.secret_record, seen.now))
    return {
        **matrix_report.document(stack.name, found, environments),
        "junit": matrix_report.junit(stack.name, stack.env_matrix, found, environments),
        "due": due,
        "renewed": renewed,
        "lines": [*matrix_report.lines(stack.env_matrix, found, environments), *notes, *due],
    }


def _secret_values(stack: Stack, seen: Observed) -> dict[tuple[str, str], str]:
    layers, _problems = read_layers(files_of(seen))
    values = ages.secret_values(stack.env_matrix, layers)
    if seen.keys.get(ages.JWT):
        # A fingerprint serves as well as the key: only whether it changes matters.
        values[ages.KEY_FILES, ages.JWT] = str(seen.keys[ages.JWT])
    return values


def truth(stack: Stack, seen: Observed, docker: Looking) -> tuple[list[Finding], list[str]]:
    """The key sets of the running containers against the matrix; and, as notes, values that wait for the next
    operation, which nothing but a new container would bring."""
    found: list[Finding] = []
    notes: list[str] = []
    files = files_of(seen)
    for environment in ENVIRONMENTS:
        live = seen.live.get(environment)
        for container in seen.in_slot(environment, live.slot) if live else []:
            if container.state == "running" and container.app in stack.apps:
                more, waiting = _inside(stack, environment, container, files, docker)
                found += more
                notes += waiting
    return sorted(found, key=lambda f: (f.environment, f.key)), notes


def _inside(
    stack: Stack, environment: str, container: Container, files: Mapping[str, bytes], docker: Looking
) -> tuple[list[Finding], list[str]]:
    wanted = values_of(stack, container.app, environment, files)
    has, of_image = docker.environment(container.id)
    app = stack.apps[container.app]
    own = {"FLAGS_FILE", *of_image, *app.environment, *(app.compose.get("environment") or {})}
    more = {name for name in has if name not in wanted and name not in own and not name.startswith("RELEASE_")}
    operation = "deploy_staging" if environment == "staging" else "promote"
    mend = f"ansible-playbook playbooks/{operation}.yml brings it up to date"
    inside = f"inside the running {container.app}"
    found = [Finding(name, environment, "missing", f"is missing {inside}", mend) for name in wanted if name not in has]
    found += [
        Finding(name, environment, "not allowed here", f"is {inside}, which must not have it", mend) for name in more
    ]
    changed = sorted(n for n, v in wanted.items() if n in has and has[n] != v and n not in app.environment)
    if not changed:
        return found, []
    return found, [f"{environment} {container.app}: {', '.join(changed)} changed since it was started; {mend}"]
