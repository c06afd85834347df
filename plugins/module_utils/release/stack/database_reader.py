# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the databases of a stack, and checking them together with the apps that use them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from ..errors import Problem
from ..util.fields import Fields
from . import backup_reader, drill_reader
from .backups import Backup
from .databases import ENGINES, KEYS_OF, SCHEMES, Database, has_prefix
from .jobs import read_environments
from .model import NAME, App, Stack

#: What one connection may take beside the memory that all share.
CONNECTION_MB = 5
LEAST_MB = 128
_UNITS = {"m": 1, "g": 1024}
_FILE = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


def megabytes(memory: str) -> int:
    """As much as `512m` or `2g` says."""
    return int(memory[:-1]) * _UNITS[memory[-1]]


def read_database(name: str, data: Any, where: str, problems: list[Problem]) -> Database:
    fields = Fields({} if data is None else data, where, problems)
    if not re.fullmatch(NAME, name):
        fields.note("", f"{name!r} is not a name for a database", "lower-case letters, digits and single hyphens")
    engine = fields.choice("engine", ENGINES[0], ENGINES)
    for other, keys in KEYS_OF.items():
        for key in keys if other != engine else ():
            if fields.value(key) is not None:
                fields.note(key, f"has no effect with `engine: {engine}`", f"remove it, or set `engine: {other}`")
    here, sqlite, external = (engine == one for one in ENGINES)
    database = Database(
        name=name,
        engine=engine,
        environments=read_environments(fields, "database"),
        version=fields.text("version", pattern=r"1[3-9]|[2-9][0-9]", hint="for example 17", numbers=True),
        memory=fields.text("memory", "256m" if here else "", pattern=r"[1-9][0-9]*[mg]", hint="for example 512m"),
        connections=fields.integer("connections", 30 if here else 0, 5, 5000),
        app_user=fields.boolean("app_user", True),
        password_generation=fields.integer("password_generation", 1, 1, 10**6),
        volume=fields.text("volume", required=sqlite, hint="name a volume of the stack"),
        file=fields.text("file", f"{name}.db" if sqlite else "", pattern=_FILE, hint="a name without directories"),
        url=fields.text("url", required=external, hint="name the secret of `env_matrix` that holds its address"),
        owner_url=fields.text("owner_url"),
        backup=_backup(fields, engine),
    )
    tried = fields.value("drill")
    can_be = here and database.backup is not None
    drill = drill_reader.read_drills(tried, f"{fields.where}.drill", problems, backed_up=can_be)
    database = dataclasses.replace(database, drill=drill)
    fields.no_others()
    if here and re.fullmatch(r"[1-9][0-9]*[mg]", database.memory):
        _check_memory(fields, database)
    return database


def _backup(fields: Fields, engine: str) -> Backup | None:
    data = fields.value("backup")
    if engine == "external":
        if data not in (None, False):
            fields.note("backup", "has no effect with `engine: external`", "back it up where it lives, and remove it")
        return None
    return backup_reader.read_backup(data, f"{fields.where}.backup", fields.problems, engine=engine)


def _check_memory(fields: Fields, database: Database) -> None:
    memory = megabytes(database.memory)
    needed = LEAST_MB // 2 + database.connections * CONNECTION_MB
    if memory < LEAST_MB:
        fields.note("memory", f"{database.memory} is too little for PostgreSQL", f"give it at least {LEAST_MB}m")
    elif memory < needed:
        what = f"{database.memory} is too little for {database.connections} connections of about {CONNECTION_MB} MB"
        fields.note("memory", what, f"give it {needed}m, or allow fewer `connections`")


def check_databases(stack: Stack, where: str) -> list[Problem]:
    """Everything that is wrong between databases, apps, volumes and the env matrix."""
    problems = [
        Problem(
            f"{name} begins as only names of the platform do", f"{where}.env.{layer}", "give the variable another name"
        )
        for layer, values in (*stack.env.items(), ("matrix", stack.env_matrix.keys()))
        for name in values
        if has_prefix(name)
    ]
    for database in stack.databases.values():
        problems += _check_one(stack, database, f"{where}.databases.{database.name}")
    names: dict[str, str] = {}
    for database in stack.databases.values():
        other = names.setdefault(database.name.replace("-", ""), database.name)
        if other != database.name:
            what = f"is called like {other}, but for hyphens"
            problems.append(Problem(what, f"{where}.databases.{database.name}", "rename one of them"))
    for app in stack.apps.values():
        problems += _check_app(stack, app, f"{where}.apps.{app.name}")
    return problems


def _check_one(stack: Stack, database: Database, place: str) -> list[Problem]:
    problems = []
    if database.is_here and not stack.env_matrix:
        fix = "add `env_matrix`, without which every app gets every value"
        problems.append(Problem("wants an env matrix, so that an app gets its own address alone", place, fix))
    if database.volume and database.volume not in stack.volumes:
        known = ", ".join(stack.volumes) or "none"
        what = f"volume {database.volume!r} is not one of the stack's"
        problems.append(Problem(what, f"{place}.volume", f"add it to `volumes`; known: {known}"))
    problems += drill_reader.check_volumes(stack, database, place)
    for key in ("url", "owner_url"):
        name = getattr(database, key)
        row = stack.env_matrix.get(name)
        if name and (row is None or not row.is_secret):
            fix = f"add it to `env_matrix`: `{name}: {{class: secret, type: url}}`"
            problems.append(Problem(f"{name} is no secret of the env matrix", f"{place}.{key}", fix))
    return problems


def _check_app(stack: Stack, app: App, place: str) -> list[Problem]:
    if not app.database:
        return [
            Problem("has no effect without `database`", f"{place}.{key}", "name a database, or remove it")
            for key in ("database_variable", "database_scheme")
            if getattr(app, key)
        ]
    database = stack.databases.get(app.database)
    if database is None:
        known = ", ".join(stack.databases) or "none"
        what = f"{app.database!r} is not a database of this stack"
        return [Problem(what, f"{place}.database", f"add it to `databases`; known: {known}")]
    problems = []
    if missing := [name for name in app.environments if name not in database.environments]:
        what = f"is not in {' and '.join(missing)}, where this app is"
        problems.append(
            Problem(f"database {database.name} {what}", f"{place}.database", "add it to its `environments`")
        )
    if database.volume and database.volume not in app.volumes:
        fix = f"mount it: `volumes: {{{database.volume}: /data}}`"
        problems.append(Problem(f"database {database.name} is in a volume that this app lacks", place, fix))
    known_schemes = SCHEMES.get(database.engine, ())
    if known_schemes and app.database_scheme not in ("", *known_schemes):
        what = f"{app.database_scheme!r} is not known"
        problems.append(Problem(what, f"{place}.database_scheme", "choose from " + ", ".join(known_schemes)))
    name = app.variable
    taken = "the app's `environment`" if name in app.environment else ""
    if name in stack.env_matrix and name not in (database.url, database.owner_url):
        taken = "the env matrix"
    if taken:
        what = f"{name} is set by {taken} too"
        problems.append(Problem(what, f"{place}.database", "remove it there, or set `database_variable`"))
    return problems
