# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stacks
short_description: The stacks of a host, read from its variables, validated, with all defaults filled in
description:
  - Collects all variables whose names begin with C(onehost_stack_). Each describes one stack; a second stack on the
    same host is a second variable, usually in its own group_vars file.
  - All problems of all stacks are reported at once, together with variables that still have the name from before their
    role was renamed.
options:
  _terms:
    description: Names of stacks to return. Defaults to all.
    type: list
    elements: str
  env:
    description:
      - Whether the result contains env values. Without them their sources are not read, so that an operation depends on
        neither vault nor network.
    type: bool
    default: true
  keep_going:
    description:
      - Whether problems of some stacks leave the others to be returned. If a named stack has
        problems, or no stack is right, it is an error in any case.
      - With O(env), values that cannot be read and values that are not as the env matrix says are problems too.
    type: bool
    default: false
  problems:
    description:
      - Return no stacks, but for each that has problems its name and these problems. With O(env), problems with values
        are among them.
    type: bool
    default: false
  kept:
    description:
      - What the host has of its stacks, as M(onehost.release.definitions) returns it. All stacks of the inventory that
        are not named are then taken and returned as they are there, and left out if they are not; what the inventory
        says of them is not looked at.
      - Problems of a named stack, and a name that the inventory does not have, are then errors in any case.
    type: list
    elements: dict
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Show the names of this host's stacks
  ansible.builtin.debug:
    msg: "{{ query('onehost.release.stacks') | map(attribute='name') }}"
"""

RETURN = r"""
_raw:
  description: The stacks as plain data.
  type: list
  elements: dict
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.onehost.release.plugins.module_utils.release.env import matrix_check
from ansible_collections.onehost.release.plugins.module_utils.release.errors import Problem
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import ENVIRONMENTS, Stack
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_each
from ansible_collections.onehost.release.plugins.module_utils.release.util.fields import plain
from ansible_collections.onehost.release.plugins.plugin_utils import typed_options
from jinja2 import TemplateError

PREFIX = "onehost_stack_"

#: Variables of renamed roles: how their names began, how they begin now, and how they go on.
_RENAMED_ROLES = (
    ("engine_", "release_engine_", "command group group_members notifications path state users"),
    ("switch_", "router_", "hard_stop_seconds maxconn metrics_port retries stacks tunnel_seconds"),
    ("logs_", "log_rotation_", "file_max journal_keep_free journal_max state"),
    (
        "cleanup_",
        "disk_cleanup_",
        "build_cache_gb free_gb free_percent hour jitter_seconds journal_mb keep_journals keep_releases"
        " lock_wait_seconds minute state",
    ),
    ("control_", "control_node_", "collections group keep_runs python stacks state users variables"),
    ("onehost_control", "onehost_control_node", ""),
)
#: Old names, which nothing reads, and the new name of each.
RENAMED = {old + end: new + end for old, new, ends in _RENAMED_ROLES for end in ends.split() or [""]}


@dataclass
class _Found:
    """Definitions by the ends of their variables' names. `stored` are those that the host has."""

    definitions: dict[str, Any] = field(default_factory=dict)
    unread: dict[str, list[Problem]] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)

    def name(self, key: str) -> str:
        return _name(key, self.definitions[key])

    def take(self, kept: Iterable[dict[str, Any]], terms: list[str]) -> None:
        """Have what the host has in the place of all definitions but the named ones."""
        names = {key: self.name(key) for key in self.definitions}
        if unknown := [name for name in terms if name not in names.values()]:
            what = f"-e stack={unknown[0]}: " + (
                "the inventory has no such stack" if unknown[0] else "no name is given"
            )
            fix = "choose from " + ", ".join(sorted(names.values()))
            raise AnsibleLookupError(f"refused, nothing was changed: {what}. Fix: {fix}")
        here = {definition["name"]: definition for definition in kept}
        self.stored = {key for key, name in names.items() if name not in terms}
        for key in self.stored:
            definition = here.get(names[key])
            if definition is not None:
                self.definitions[key] = definition
            else:
                del self.definitions[key]
        self.stored &= self.definitions.keys()


class LookupModule(LookupBase):
    """Lookup plugin of the collection."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        given = variables or {}
        self.set_options(var_options=variables, direct=kwargs)
        # Provisioning has no action of its own that could look at what was typed; it reads the stacks first.
        if typed_options.typed_playbook() == "provision" and (
            problem := typed_options.problem_with("provision", given, self._loader)
        ):
            raise AnsibleLookupError(problem)
        with_env, kept = self.get_option("env"), self.get_option("kept")
        found = self._read(terms, given)
        if kept is not None:
            found.take(kept, terms)
        stacks, bad = read_each(found.definitions, self._ports(given), stored=found.stored)
        if with_env and (kept is not None or self._one_by_one):
            mine = [stack for stack in stacks if not terms or stack.name in terms]
            bad = _wrong_values(found.definitions, mine) | found.unread | bad
            wrong = {found.name(key) for key in bad}
            stacks = [stack for stack in stacks if stack.name not in wrong]
        about = {key: problems for key, problems in bad.items() if found.name(key) in terms}
        if self.get_option("problems") and (stacks or not with_env) and not (about and kept is not None):
            return [
                {"name": found.name(key), "problems": [str(problem) for problem in problems]}
                for key, problems in bad.items()
                if key not in found.stored
            ]
        _refuse(about if kept is not None or (self.get_option("keep_going") and stacks) else bad, given)
        named = {
            stack.name: stack.to_mapping(with_env=with_env) for stack in stacks if not terms or stack.name in terms
        }
        if kept is None:
            return list(named.values())
        return [named.get(found.name(key), found.definitions[key]) for key in sorted(found.definitions)]

    @property
    def _one_by_one(self) -> bool:
        return bool(self.get_option("keep_going") or self.get_option("problems"))

    def _read(self, terms: list[str], variables: dict[str, Any]) -> _Found:
        """The definitions in the inventory, with env values where they are wanted."""
        reader = lookup_loader.get("ansible.builtin.vars", loader=self._loader, templar=self._templar)
        found = _Found()
        for variable in sorted(name for name in variables if name.startswith(PREFIX)):
            raw, key = variables[variable], variable[len(PREFIX) :].replace("_", "-")
            whole = not isinstance(raw, Mapping)
            name = key if whole else _name(key, {"name": self._templar.template(raw.get("name"))})
            if whole or (self.get_option("env") and (not terms or name in terms)):
                try:
                    # All of it now, and what a template lacks must fail here.
                    found.definitions[key] = _whole(plain(reader.run([variable], variables)[0]))
                    continue
                except (AnsibleError, TemplateError) as error:
                    if whole or not self._one_by_one:
                        raise
                    found.unread[key] = [_unread(key, error)]
            if self.get_option("kept") is not None and name not in terms:
                found.definitions[key] = {"name": name}
                continue
            definition = self._templar.template({field: value for field, value in raw.items() if field != "env"})
            found.definitions[key] = {**definition, "env": _no_texts(raw.get("env"))}
        return found

    def _ports(self, variables: dict[str, Any]) -> dict[int, str]:
        """Ports that other parts of the host have, by the variables of their roles."""
        ssh = self._templar.template(variables.get("firewall_ssh_ports") or [])
        metrics = self._templar.template(variables.get("router_metrics_port") or 0)
        found = {**dict.fromkeys(_numbers(ssh), "SSH"), **dict.fromkeys(_numbers([metrics]), "HAProxy's metrics")}
        return {port: use for port, use in found.items() if port}


def _refuse(told: Mapping[str, Iterable[Problem]], variables: Mapping[str, Any]) -> None:
    """Raise these problems, and variables that are named as before."""
    problems = [
        Problem("has a new name", f"variable {old}", f"rename it to {new}")
        for old, new in RENAMED.items()
        if old in variables
    ]
    problems += dict.fromkeys(problem for found in told.values() for problem in found)
    if problems:
        raise AnsibleLookupError(f"{len(problems)} problem(s) in the inventory:\n{_lines(problems)}")


def _whole(value: Any) -> Any:
    """The same value. Raises what a template in it has left to be raised by whoever first looks at it."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _whole(item)
    if not isinstance(value, (dict, list, str, int, float, type(None))):
        str(value)
    return value


def _unread(key: str, error: AnsibleError | TemplateError) -> Problem:
    why = " ".join(str(error.message).split()).removeprefix("A captured exception marker was tripped: ").rstrip(".")
    return Problem(f"values cannot be read: {why}", f"stack {key}, env", "mend the variable or source that is named")


def _wrong_values(definitions: Mapping[str, Any], stacks: Iterable[Stack]) -> dict[str, list[Problem]]:
    """Values that would break a release: what is not as the env matrix says."""
    checked = [stack for stack in stacks if stack.env_matrix]
    found = {stack.name: matrix_check.check(stack.env_matrix, stack.env, ENVIRONMENTS) for stack in checked}
    return {
        key: [Problem(f.what, f"stack {key}, {f.environment} {f.key}", f.fix) for f in wrong]
        for key, definition in definitions.items()
        if (wrong := found.get(_name(key, definition)))
    }


def _no_texts(env: Any) -> dict[str, Any]:
    """Of values that are not read, those that are no text as they stand, so that they are refused at once."""
    layers = env.items() if isinstance(env, Mapping) else ()
    found = {
        layer: {name: value for name, value in values.items() if not isinstance(value, str)}
        for layer, values in layers
        if isinstance(values, Mapping)
    }
    return {layer: values for layer, values in found.items() if values}


def _name(key: str, definition: Any) -> str:
    """The stack's own name, by which the host knows it."""
    named = definition.get("name") if isinstance(definition, Mapping) else None
    return named if isinstance(named, str) and named else key


def _lines(problems: Iterable[Problem]) -> str:
    return "\n".join(f"  - {problem}" for problem in problems)


def _numbers(given: Any) -> list[int]:
    """The ports in what an inventory says; whatever else is there is for the role itself to refuse."""
    return [int(item) for item in given if re.fullmatch(r"[0-9]{1,5}", str(item))] if isinstance(given, list) else []
