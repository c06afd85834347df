# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database's own catalog says of its shape, and what a migration was found to do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: expand: code of before goes on working. contract: something that it may rely on is gone or has become stricter.
#: unknown: nobody could compare.
Kind = Literal["expand", "contract", "unknown"]
KINDS: tuple[Kind, ...] = ("expand", "contract", "unknown")

#: One object with what is known of it. Keys that are missing are as usual.
Row = Mapping[str, Any]
#: By name, with its schema.
Rows = Mapping[str, Row]


@dataclass(frozen=True)
class Catalog:
    """The shape of one database. What belongs to an extension is the extension's, and no part of it."""

    schemas: Rows = field(default_factory=dict)
    #: Tables, views, materialized views, sequences, composite types; columns by name in `columns`.
    relations: Rows = field(default_factory=dict)
    constraints: Rows = field(default_factory=dict)
    #: Those that are unique; others are no promise to anybody.
    indexes: Rows = field(default_factory=dict)
    #: Enumerations and domains.
    types: Rows = field(default_factory=dict)
    functions: Rows = field(default_factory=dict)
    triggers: Rows = field(default_factory=dict)
    policies: Rows = field(default_factory=dict)
    extensions: Rows = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Catalog:
        """Raises ValueError for what is no catalog."""
        parts = {name: data.get(name) or {} for name in cls.__dataclass_fields__}
        if not all(isinstance(part, Mapping) for part in parts.values()):
            raise ValueError("this is no catalog")
        return cls(**parts)

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(name for name, row in self.relations.items() if row.get("kind") in ("r", "p", "m"))


@dataclass(frozen=True)
class Verdict:
    """What a change of the schema means to code of before, and why, one sentence each."""

    kind: Kind
    losses: tuple[str, ...] = ()
