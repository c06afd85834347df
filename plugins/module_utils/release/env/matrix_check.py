# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking values against the env matrix: reports everything that is wrong at once, and never a value."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..errors import Problem
from .env_file import problem_of
from .matrix import GIVEN, PUBLIC_PREFIXES, REFERENCE, Key
from .value_types import database, names_itself, wrong

COMMON = "common"
PRODUCTION = "production"
DAY = 86400.0
#: Shorter values match by chance everywhere.
SHORTEST_SECRET = 8

#: Kinds of findings in the order in which people should read them.
CODES = (
    "missing",
    "empty",
    "wrong type",
    "not allowed here",
    "own in common",
    "reused",
    "differs",
    "not equal",
    "too old",
    "unknown",
    "public secret",
    "localhost",
    "production database",
    "cannot be carried",
)


@dataclass(frozen=True)
class Finding:
    """One problem of one key in one environment, or in the common layer."""

    key: str
    environment: str
    code: str
    what: str
    fix: str = ""

    def problem(self, place: str = "config") -> Problem:
        return Problem(f"{self.key} {self.what}", f"{place} {self.environment}", self.fix)


@dataclass(frozen=True)
class Values:
    """The values of one environment as its containers get them."""

    environment: str
    given: dict[str, str]
    #: With the matrix's defaults for missing values.
    all: dict[str, str]


def effective(matrix: Mapping[str, Key], layers: Mapping[str, Mapping[str, str]], environment: str) -> Values:
    """The common layer, overridden by the environment's own, with the defaults for what is missing."""
    given = {**layers.get(COMMON, {}), **layers.get(environment, {})}
    defaults = {
        key.name: key.default
        for key in matrix.values()
        if key.default is not None and key.is_for(environment) and key.name not in given
    }
    return Values(environment, given, {**defaults, **given})


def check(
    matrix: Mapping[str, Key],
    layers: Mapping[str, Mapping[str, str]],
    environments: Collection[str],
    ages_days: Mapping[tuple[str, str], float] | None = None,
) -> list[Finding]:
    """Every finding, by key and environment. `layers` are `common` and one for each environment; `ages_days` says for
    (environment, key) how many days ago the value last changed."""
    # What the host gives is not the inventory's to be checked.
    layers = {layer: {n: v for n, v in values.items() if not n.startswith(GIVEN)} for layer, values in layers.items()}
    every = [effective(matrix, layers, environment) for environment in environments]
    found: list[Finding] = [*_unknown(matrix, layers), *_common(matrix, layers, environments)]
    for values in every:
        for key in matrix.values():
            found += _one(key, values)
        found += _leaked(matrix, values)
        found += _too_old(matrix, values, ages_days or {})
    for key in matrix.values():
        found += _between(key, every)
    found += _production_database(matrix, every)
    order = {environment: place for place, environment in enumerate([COMMON, *environments])}
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda f: (f.key, order.get(f.environment, 99), CODES.index(f.code)))


def concerning(findings: Iterable[Finding], environment: str) -> list[Finding]:
    """What blocks one environment: its own findings and those of the common layer."""
    return [finding for finding in findings if finding.environment in (COMMON, environment)]


def _one(key: Key, values: Values) -> list[Finding]:
    environment, given = values.environment, values.given.get(key.name)
    if not key.is_for(environment):
        if given is None:
            return []
        wanted = ", ".join(key.environments)
        fix = f"remove it there, or add {environment} to its `environments`"
        return [Finding(key.name, environment, "not allowed here", f"is for {wanted} only", fix)]
    if given is None:
        if key.default is not None or key.optional:
            return []
        return [Finding(key.name, environment, "missing", "is missing", f"set env.{environment}.{key.name}")]
    if not given.strip():
        return [] if key.optional else [Finding(key.name, environment, "empty", "is empty", "give it a value")]
    found = []
    text = wrong(key.type, given, key.bytes, key.values, key.pattern)
    if text:
        found.append(Finding(key.name, environment, "wrong type", text, "correct the value, or the matrix"))
    text = problem_of(given)
    if text:
        fix = "put it into a file that is mounted, or encode it (base64)"
        found.append(Finding(key.name, environment, "cannot be carried", text, fix))
    if key.kind != "public" and names_itself(key.name, given):
        found.append(
            Finding(
                key.name,
                environment,
                "localhost",
                "names localhost, which in a container is the container itself",
                "use host.docker.internal to reach the VM",
            )
        )
    return found + _equal(key, values, given)


def _equal(key: Key, values: Values, given: str) -> list[Finding]:
    template = key.template(values.environment)
    if template is None:
        return []
    known = {"environment": values.environment, **values.all}
    lacking = sorted({name for name in REFERENCE.findall(template) if name not in known})
    if lacking:
        text = "cannot be compared: no value for " + ", ".join(lacking)
        return [Finding(key.name, values.environment, "not equal", text, "correct `equals`")]
    if given == REFERENCE.sub(lambda match: known[match.group(1)], template):
        return []
    text = "is not what `equals` makes of " + (", ".join(REFERENCE.findall(template)) or "it")
    return [Finding(key.name, values.environment, "not equal", text, "correct the value, or the matrix")]


def _unknown(matrix: Mapping[str, Key], layers: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    return [
        Finding(name, layer, "unknown", "is not in the matrix", "add it to env_matrix, or remove it")
        for layer, values in layers.items()
        for name in values
        if name not in matrix
    ]


def _common(
    matrix: Mapping[str, Key], layers: Mapping[str, Mapping[str, str]], environments: Collection[str]
) -> list[Finding]:
    """The common layer may only hold values that are the same everywhere."""
    found = []
    for name in layers.get(COMMON, {}):
        key = matrix.get(name)
        if key is None:
            continue
        alone = [environment for environment in environments if not key.is_for(environment)]
        overridden = [environment for environment in environments if name in layers.get(environment, {})]
        if alone:
            what = "belongs to " + ", ".join(key.environments) + " but is set in common"
        elif key.distinct != "none" and len(environments) > 1 and len(overridden) < len(environments):
            what = "must differ between environments but is set in common"
        elif overridden:
            what = "is set in common and again in " + ", ".join(overridden)
        else:
            continue
        found.append(Finding(name, COMMON, "own in common", what, f"move it to env.<environment>.{name}"))
    return found


def _between(key: Key, every: list[Values]) -> list[Finding]:
    """Values that must differ between environments, or must be the same."""
    found = []
    mine = [values for values in every if key.is_for(values.environment) and values.all.get(key.name)]
    for one, other in itertools.combinations(mine, 2):
        pair = (one.environment, other.environment)
        equal = one.all[key.name] == other.all[key.name]
        if equal and (key.distinct == "all" or (key.distinct == PRODUCTION and PRODUCTION in pair)):
            for here, there in (pair, pair[::-1]):
                text, fix = f"has the same value in {there}", "give each environment a value of its own"
                found.append(Finding(key.name, here, "reused", text, fix))
        if key.same and not equal:
            for here, there in (pair, pair[::-1]):
                text, fix = f"has another value in {there}", "move it to env.common"
                found.append(Finding(key.name, here, "differs", text, fix))
    return found


def _leaked(matrix: Mapping[str, Key], values: Values) -> list[Finding]:
    """A secret in a value that visitors download: the matrix calls it a secret, or it equals the value of one."""
    secrets = {
        name: value
        for name, value in values.all.items()
        if (key := matrix.get(name)) and key.is_secret and len(value) >= SHORTEST_SECRET
    }
    found = [
        Finding(
            name,
            values.environment,
            "public secret",
            "is a secret, but frontend build tools put variables with such a name into what every visitor downloads",
            "rename it, and replace the value where it is issued",
        )
        for name, key in matrix.items()
        if key.is_secret and name.startswith(PUBLIC_PREFIXES) and key.is_for(values.environment)
    ]
    for name, value in values.all.items():
        key = matrix.get(name)
        if (key is None or key.kind == "public" or name.startswith(PUBLIC_PREFIXES)) and name not in secrets:
            for secret, hidden in secrets.items():
                if hidden in value:
                    text = f"is public and contains the value of {secret}"
                    fix = f"take it out, and replace {secret} where it is issued"
                    found.append(Finding(name, values.environment, "public secret", text, fix))
    return found


def _too_old(matrix: Mapping[str, Key], values: Values, ages_days: Mapping[tuple[str, str], float]) -> list[Finding]:
    found = []
    for key in matrix.values():
        age = ages_days.get((values.environment, key.name))
        if key.max_age_days and age is not None and key.name in values.given and age > key.max_age_days:
            text = f"was last changed {age:.0f} days ago, allowed are {key.max_age_days}"
            found.append(Finding(key.name, values.environment, "too old", text, "replace it where it is issued"))
    return found


def _production_database(matrix: Mapping[str, Key], every: list[Values]) -> list[Finding]:
    """Only production may reach production's database, unless the matrix declares a key the same everywhere."""
    production = next((values for values in every if values.environment == PRODUCTION), None)
    if production is None:
        return []
    decided = {key.name for key in matrix.values() if key.same}
    hosts: set[str] = set()
    names: set[str] = set()
    for name, value in production.all.items():
        if name not in decided:
            more_hosts, more_names = database(name, value)
            hosts, names = hosts | more_hosts, names | more_names
    found = []
    for values in every:
        if values.environment == PRODUCTION:
            continue
        for name, value in values.all.items():
            if name in decided:
                continue
            its_hosts, its_names = database(name, value)
            shared = [word for word, both in (("host", its_hosts & hosts), ("name", its_names & names)) if both]
            if shared:
                text = "has the database " + " and ".join(shared) + " of production"
                fix = f"give {values.environment} a database of its own"
                found.append(Finding(name, values.environment, "production database", text, fix))
    return found
