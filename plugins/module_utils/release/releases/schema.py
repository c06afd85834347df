# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the schema of each app's database: which revision is applied, and how the last migration ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, cast

from .catalog import Catalog

#: applied: as its migrations left it. begun: nobody has said yet how it ended. restored: it went back to a moment, and
#: could not be asked. The others speak for themselves.
SchemaState = Literal["applied", "begun", "failed", "interrupted", "restored"]
STATES: tuple[SchemaState, ...] = ("applied", "begun", "failed", "interrupted", "restored")
NOTHING = "nothing"
UNKNOWN = "not known"
#: expand: code of before goes on working. contract: something that it may rely on is gone or has become stricter.
#: unknown: nobody could compare the schema before with the one after.
StepVerdict = Literal["expand", "contract", "unknown"]
VERDICTS: tuple[StepVerdict, ...] = ("expand", "contract", "unknown")
#: More are not between any two releases that the host keeps.
MOST_STEPS = 200


@dataclass(frozen=True)
class SchemaStep:
    """One migration that changed what is applied: from which revision to which, and what that means to older code."""

    app: str
    before: str
    after: str
    verdict: StepVerdict = "unknown"
    #: What is gone or has become stricter, one sentence each.
    losses: tuple[str, ...] = ()
    #: The name of the point in the write-ahead log just before it.
    restore_point: str | None = None
    at: str = ""
    #: The release whose migration it was.
    release: str = ""
    #: Whether it went back, so that the releases of before it need more than is applied.
    is_down: bool = False
    #: The release that had stopped using what it took away, as its source declares; empty if that says nothing.
    unused_since: str = ""

    def breaks(self, release: str) -> bool:
        """Whether the code of a release may rely on what it took away."""
        return self.verdict == "contract" and not (self.unused_since and release >= self.unused_since)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "losses": list(self.losses)}

    @classmethod
    def from_json(cls, data: Any) -> SchemaStep | None:
        """None for what is none. One without a verdict is of those that nobody compared."""
        if not isinstance(data, Mapping):
            return None
        app, before, after = data.get("app"), data.get("before"), data.get("after")
        if not (isinstance(app, str) and isinstance(before, str) and isinstance(after, str)):
            return None
        verdict, losses, point = data.get("verdict"), data.get("losses"), data.get("restore_point")
        return cls(
            app,
            before,
            after,
            cast(StepVerdict, verdict) if verdict in VERDICTS else "unknown",
            tuple(str(one) for one in losses) if isinstance(losses, list) else (),
            point if isinstance(point, str) else None,
            str(data.get("at", "")),
            str(data.get("release", "")),
            data.get("is_down") is True,
            str(data.get("unused_since", "")),
        )


@dataclass(frozen=True)
class AppSchema:
    """The database of one app in one environment. `revision` is what its tool says; None: nobody could ask it."""

    revision: str | None
    state: SchemaState = "applied"
    #: The release that migrated it, and from which revision.
    release: str = ""
    was: str | None = None
    at: str = ""
    #: How it came to be what it is, oldest first. They are kept here and not with their releases, so that none is
    #: forgotten when a release that failed is cleaned up: its schema stays.
    steps: tuple[SchemaStep, ...] = ()
    #: The catalog of before the last step, from when that begins until somebody has compared it with the one after:
    #: whoever begins it may be killed.
    shape: Catalog | None = None

    def stepped(self, step: SchemaStep) -> AppSchema:
        return replace(self, steps=(*self.steps, step)[-MOST_STEPS:])

    def led_to(self, app: str, revision: str) -> tuple[SchemaStep, ...]:
        """The steps with what somebody else has done since, so that they lead to what is found."""
        if self.revision is None or self.revision == revision:
            return self.steps
        return (*self.steps, SchemaStep(app, self.revision, revision))

    def is_behind(self, wanted: str | None) -> bool:
        """Whether it has gone back from what a release wants, so that a migration is to be done again."""
        return bool(self.steps) and self.steps[-1].is_down and wanted not in (None, self.revision)

    @property
    def shown(self) -> str:
        return shown(self.revision)

    @property
    def is_settled(self) -> bool:
        return self.state == "applied"

    @property
    def sentence(self) -> str:
        """What `status` says of it."""
        if self.is_settled:
            return self.shown
        if self.state == "restored":
            return f"{self.shown}: it was restored, and could not be asked since"
        how = {"begun": "has begun and nobody knows how it ended", "interrupted": "was interrupted"}
        return f"{self.shown}; the migration of {self.release} {how.get(self.state, self.state)}"

    def to_json(self) -> dict[str, Any]:
        shape = {} if self.shape is None else {"shape": vars(self.shape)}
        data = {name: value for name, value in vars(self).items() if name != "shape"}
        return {**data, "steps": [step.to_json() for step in self.steps], **shape}

    @classmethod
    def from_json(cls, data: Any) -> AppSchema | None:
        """None for what is none."""
        if not isinstance(data, Mapping) or data.get("state") not in STATES:
            return None
        revision, was = data.get("revision"), data.get("was")
        if not all(text is None or isinstance(text, str) for text in (revision, was)):
            return None
        state = cast(SchemaState, data["state"])
        listed = data.get("steps")
        read = [SchemaStep.from_json(one) for one in listed] if isinstance(listed, list) else []
        steps = tuple(step for step in read if step is not None)
        shape = _catalog(data.get("shape"))
        return cls(revision, state, str(data.get("release", "")), was, str(data.get("at", "")), steps, shape)


class Standing(NamedTuple):
    """What a database and an image say before a migration. `wanted` is None where the image says no more than whether
    something is to be done."""

    revision: str
    wanted: str | None
    is_pending: bool


def _catalog(data: Any) -> Catalog | None:
    try:
        return Catalog.from_json(data) if isinstance(data, Mapping) else None
    except ValueError:
        return None


#: By app.
Schemas = Mapping[str, AppSchema]


def shown(revision: str | None) -> str:
    return UNKNOWN if revision is None else revision or NOTHING
