# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The env matrix: what each environment variable of a stack is, which apps need it, and what its value must be like."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Problem
from ..util.fields import Fields, no_text, quotes_for, shown
from .env_file import problem_of
from .value_types import TYPES, wrong

CLASSES = ("public", "config", "secret")

#: Environments a value may be for. The host runs staging and production; the others exist in sources of values.
KNOWN_ENVIRONMENTS = ("development", "staging", "production", "preview")

#: Frontend tools build variables with these prefixes into what every visitor downloads.
PUBLIC_PREFIXES = ("NEXT_PUBLIC_", "EXPO_PUBLIC_", "VITE_", "REACT_APP_", "NUXT_PUBLIC_")

SECRET_MAX_AGE_DAYS = 90

#: How the names of values begin that the host gives by itself: the addresses of databases.
GIVEN = "ONEHOST_DATABASE_"

#: In `equals`: ${KEY} is the value of another key, ${environment} the environment's name.
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Key:
    """One row of the matrix."""

    name: str
    kind: str = "config"
    #: Empty: every environment, every app.
    environments: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    type: str = "text"
    #: How many bytes a value of type base64 decodes to; 0 for any number.
    bytes: int = 0
    #: The choices of type enum.
    values: tuple[str, ...] = ()
    pattern: str = ""
    #: all: no two environments share the value. production: production shares it with none. none: not checked.
    distinct: str = "none"
    same: bool = False
    #: Templates by environment; "" is for every environment that is not named.
    equals: tuple[tuple[str, str], ...] = ()
    max_age_days: int = 0
    default: str | None = None
    #: May be missing or empty.
    optional: bool = False
    description: str = ""
    #: Where an image may hold a value of its own, as patterns of paths, and why.
    built_in: tuple[tuple[str, str], ...] = ()

    @property
    def is_secret(self) -> bool:
        return self.kind == "secret"

    def is_for(self, environment: str) -> bool:
        return not self.environments or environment in self.environments

    def is_for_app(self, app: str) -> bool:
        return not self.apps or app in self.apps

    def template(self, environment: str) -> str | None:
        """What the value must equal in an environment, before references are filled in."""
        known = dict(self.equals)
        return known.get(environment, known.get(""))

    def to_mapping(self) -> dict[str, Any]:
        """As in a stack's definition, so that it can be read again; without defaults."""
        data: dict[str, Any] = {"class": self.kind}
        if self.equals:
            known = dict(self.equals)
            data["equals"] = known[""] if list(known) == [""] else known
        data["distinct"] = {"all": True, "none": False}.get(self.distinct, self.distinct)
        for name in ("environments", "apps", "values"):
            if getattr(self, name):
                data[name] = list(getattr(self, name))
        for name in ("bytes", "pattern", "same", "optional", "description"):
            if getattr(self, name):
                data[name] = getattr(self, name)
        if self.type != "text":
            data["type"] = self.type
        if self.built_in:
            data["built_in"] = dict(self.built_in)
        data["max_age_days"] = self.max_age_days
        if self.default is not None:
            data["default"] = self.default
        return data


def read_matrix(fields: Fields, apps: Collection[str], problems: list[Problem]) -> dict[str, Key]:
    """The matrix of a stack, from its key `env_matrix`; empty if there is none. Notes every problem."""
    matrix = {
        name: _read_key(name, data, f"{fields.where}.env_matrix.{name}", apps, problems)
        for name, data in fields.mapping("env_matrix").items()
    }
    for key in matrix.values():
        _check_references(fields, key, matrix)
    return matrix


def _check_references(fields: Fields, key: Key, matrix: Mapping[str, Key]) -> None:
    for name in dict.fromkeys(name for _environment, template in key.equals for name in REFERENCE.findall(template)):
        if name == key.name:
            fields.note(f"env_matrix.{name}.equals", "names the key itself, which says nothing", "name another key")
        elif name != "environment" and name not in matrix:
            what = f"names {name}, which is not a key of the matrix"
            fields.note(f"env_matrix.{key.name}.equals", what, "correct the name, or add the key")


def _read_key(name: str, data: Any, where: str, apps: Collection[str], problems: list[Problem]) -> Key:
    fields = Fields({} if data is None else data, where, problems)
    kind = fields.choice("class", "config", CLASSES)
    secret = kind == "secret"
    environments = _names(fields, "environments", KNOWN_ENVIRONMENTS)
    same = fields.boolean("same", False)
    values = _texts(fields, "values")
    size = fields.integer("bytes", 0, 1, 1_000_000)
    default = fields.value("default")
    key = Key(
        name=name,
        kind=kind,
        environments=environments,
        apps=_names(fields, "apps", tuple(apps)),
        type=fields.choice("type", "enum" if values else ("base64" if size else "text"), TYPES),
        bytes=size,
        values=values,
        pattern=fields.text("pattern"),
        distinct=_distinct(fields, "production" if secret and not same else "none"),
        same=same,
        equals=_equals(fields),
        max_age_days=fields.integer("max_age_days", SECRET_MAX_AGE_DAYS if secret else 0, 0, 36500),
        default=None if default is None else _plain(fields, "default", default),
        optional=fields.boolean("optional", False),
        description=fields.text("description"),
        built_in=_built_in(fields, is_secret=secret),
    )
    fields.no_others()
    _check_key(fields, key)
    return key


def _check_key(fields: Fields, key: Key) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key.name):
        fields.note("", "is not a name for an environment variable", "letters, digits and underscores, no digit first")
    if key.pattern:
        try:
            re.compile(key.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            fields.note("pattern", f"is not a regular expression: {error}")
    _check_type(fields, key)
    if key.built_in and key.distinct == "none" and not key.is_secret:
        fields.note("built_in", "allows what is not searched for", "set `distinct`, or remove it")
    if key.same and key.distinct != "none":
        fields.note("distinct", "contradicts `same: true`", "leave one of them out")
    if key.is_secret:
        _check_secret(fields, key)


def _built_in(fields: Fields, *, is_secret: bool) -> tuple[tuple[str, str], ...]:
    """Exceptions with their reasons."""
    found = fields.reasons("built_in", "why an image may hold it")
    if found and is_secret:
        fields.note("built_in", "would allow a secret in an image", "remove it: a secret may be in none")
    return tuple(found.items())


def _check_type(fields: Fields, key: Key) -> None:
    if key.type == "enum" and not key.values:
        fields.note("values", "is missing", "list the values that are allowed")
    if key.values and key.type != "enum":
        fields.note("values", f"does not go with type {key.type}", "use `type: enum`, or leave one of them out")
    if key.bytes and key.type != "base64":
        fields.note("bytes", f"does not go with type {key.type}", "use `type: base64`")
    if key.default is not None and not any(problem.where.startswith(fields.where) for problem in fields.problems):
        why = wrong(key.type, key.default, key.bytes, key.values, key.pattern) or problem_of(key.default)
        if why:
            fields.note("default", why, "give a default that fits the key's own type and pattern")


def _check_secret(fields: Fields, key: Key) -> None:
    """What stands in the matrix is written to world-readable files."""
    for option, is_set in (("default", key.default is not None), ("values", bool(key.values))):
        if is_set:
            fields.note(option, "would publish a secret", f"remove `{option}`, or choose another class")
    if any(template != "" and not REFERENCE.search(template) for template in (rule[1] for rule in key.equals)):
        fields.note("equals", "would publish a secret", "name another key, as in ${OTHER_KEY}")


def _names(fields: Fields, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = fields.texts(key)
    if key in fields.data and fields.data[key] is not None and not names and not fields.data[key]:
        fields.note(key, "is empty", "leave it out to mean all, or remove the key from the matrix")
    for name in names:
        if name not in known:
            fields.note(key, f"{name!r} is not known", "choose from " + ", ".join(known))
    return names


def _texts(fields: Fields, key: str) -> tuple[str, ...]:
    """A list of choices."""
    return tuple(_plain(fields, key, item) for item in fields.items(key))


def _plain(fields: Fields, key: str, value: Any) -> str:
    if why := no_text(value):
        fields.note(key, why, quotes_for(value))
        return ""
    return str(value)


def _distinct(fields: Fields, default: str) -> str:
    value = fields.value("distinct")
    if value is None:
        return default
    if isinstance(value, bool):
        return "all" if value else "none"
    if value in ("all", "production", "none"):
        return str(value)
    fields.note("distinct", "must be true, false or production")
    return default


def _equals(fields: Fields) -> tuple[tuple[str, str], ...]:
    value = fields.value("equals")
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        return (("", _plain(fields, "equals", value)),)
    named = {name if isinstance(name, str) else shown(name): item for name, item in value.items()}
    for name in named:
        if name not in KNOWN_ENVIRONMENTS:
            fields.note(f"equals.{name}", "is not a known environment", "choose from " + ", ".join(KNOWN_ENVIRONMENTS))
    return tuple((name, _plain(fields, f"equals.{name}", item)) for name, item in named.items())
