# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the addresses of the environments: values of variables, and arguments of builds.

Done before anything else of a stack is read, so that all others see plain values, in releases too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..env import matrix
from ..util.fields import Fields
from .canonical import ORIGINS
from .model import Environment, EnvironmentName

_ANY = re.compile(r"\$\{(canonical\.[^}]*|origins)\}")


def fill_in(fields: Fields, environments: Mapping[EnvironmentName, Environment]) -> None:
    """Replace what a stack's definition says of addresses by the addresses, and give keys of the matrix whose `equals`
    follows from these a value, where they have none. Notes every name that is not known."""
    data = dict(fields.data)
    for key, row in _mapping(data.get("env_matrix")).items():
        if not isinstance(row, Mapping):
            continue
        for option in ("default", "pattern"):
            if isinstance(row.get(option), str) and _ANY.search(row[option]):
                fields.note(f"env_matrix.{key}.{option}", "names an address", "that is what `equals` is for")
        if templates := _templates(row, environments):
            equals = {name: _filled(fields, key, text, environments[name]) for name, text in templates.items()}
            rest = row["equals"] if isinstance(row["equals"], Mapping) else {}
            data["env_matrix"] = {**data["env_matrix"], key: {**row, "equals": {**rest, **equals}}}
            _derive(data, str(key), equals)
    if "build_arguments" in data:
        data["build_arguments"] = _built(fields, "build_arguments", data["build_arguments"], environments)
    apps = _mapping(data.get("apps"))
    for name, app in apps.items():
        if isinstance(app, Mapping) and "build_arguments" in app:
            where = f"apps.{name}.build_arguments"
            apps = {
                **apps,
                name: {**app, "build_arguments": _built(fields, where, app["build_arguments"], environments)},
            }
    if apps:
        data["apps"] = apps
    fields.data = data


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _templates(
    row: Mapping[str, Any], environments: Mapping[EnvironmentName, Environment]
) -> dict[EnvironmentName, str]:
    """What a value must equal, by environment, as far as it is about addresses."""
    equals, only = row.get("equals"), row.get("environments")
    by_name = equals if isinstance(equals, Mapping) else dict.fromkeys(environments, equals)
    wanted = [name for name in environments if not isinstance(only, (list, tuple)) or not only or name in only]
    return {name: text for name in wanted if isinstance(text := by_name.get(name), str) and _ANY.search(text)}


def _filled(fields: Fields, key: Any, text: str, environment: Environment) -> str:
    def address(found: re.Match[str]) -> str:
        if found.group(0) == ORIGINS:
            if not environment.origins:
                what = f"names the origins, and {environment.name} has none"
                fields.note(f"env_matrix.{key}.equals", what, f"add `origins` to environments.{environment.name}")
            return ",".join(environment.origins)
        name = found.group(1).partition(".")[2]
        if name not in environment.canonical:
            what = f"names canonical.{name}, which {environment.name} does not have"
            fix = f"correct the name, or add it to environments.{environment.name}.canonical"
            fields.note(f"env_matrix.{key}.equals", what, fix)
        return environment.canonical.get(name, "")

    return _ANY.sub(address, text)


def _derive(data: dict[str, Any], key: str, equals: Mapping[EnvironmentName, str]) -> None:
    layers = _mapping(data.get("env"))
    if not layers and data.get("env") is not None:
        return
    for name, value in equals.items():
        mine, common = layers.get(name), _mapping(layers.get("common"))
        if matrix.REFERENCE.search(value) or key in common or (mine is not None and not isinstance(mine, Mapping)):
            continue
        if key not in _mapping(mine):
            layers = {**layers, name: {**_mapping(mine), key: value}}
    data["env"] = layers


def _built(fields: Fields, where: str, given: Any, environments: Mapping[EnvironmentName, Environment]) -> Any:
    """An image is the same in all environments, so whose address it gets must be said."""
    if not isinstance(given, Mapping):
        return given

    known = {
        f"${{canonical.{one.name}.{name}}}": address
        for one in environments.values()
        for name, address in one.canonical.items()
    }
    filled = {}
    for key, text in given.items():
        filled[key] = text
        for word in dict.fromkeys(found.group(0) for found in _ANY.finditer(text)) if isinstance(text, str) else ():
            if word in known:
                filled[key] = filled[key].replace(word, known[word])
            elif word.count(".") > 1:
                fix = "correct the name, or add it to `canonical` of that environment"
                fields.note(f"{where}.{key}", f"names {word[2:-1]}, which there is not", fix)
            else:
                fix = (
                    "an image is the same in both: name one, as in ${canonical.production.api}, or read it at run time"
                )
                fields.note(f"{where}.{key}", f"{word} does not say of which environment", fix)
    return filled
