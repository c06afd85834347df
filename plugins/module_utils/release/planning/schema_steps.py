# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies between the schema that a release went live with and the one that is applied: whether the release fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..releases.schema import AppSchema, Schemas, SchemaStep, shown
from ..stack.model import Stack

#: same: it is the schema of the release. newer: by steps that only add. past: a step took away or made stricter what
#: its code may rely on. unknown: nobody can say.
Kind = Literal["same", "newer", "past", "unknown"]
MOST_LOSSES = 5


@dataclass(frozen=True)
class Way:
    """Of the database of one app. `steps` lead from the release's revision to what is applied, oldest first."""

    app: str
    kind: Kind
    sentence: str
    steps: tuple[SchemaStep, ...] = ()
    wanted: str | None = None

    @property
    def contracts(self) -> tuple[SchemaStep, ...]:
        return tuple(step for step in self.steps if step.verdict == "contract")

    @property
    def restore_point(self) -> str:
        """That of just before the first of the steps: what it brings back is the schema of the release. Empty if there
        is none."""
        return (self.steps[0].restore_point or "") if self.steps and self.steps[0].before == self.wanted else ""


def ways(release: str, then: Mapping[str, str], now: Schemas, apps: Iterable[str]) -> list[Way]:
    """`then` has the revisions that the release went live with."""
    return [way(release, app, then.get(app), now.get(app)) for app in apps]


def way(release: str, app: str, wanted: str | None, known: AppSchema | None) -> Way:
    steps = since(release, wanted, known)
    relevant = steps if steps is not None else _later(release, known)
    applied = known.sentence if known else shown(None)
    kind, sentence = _judged(release, wanted, known, steps, relevant)
    went = f"{applied} is applied, and {release} went live with {shown(wanted)}"
    return Way(app, kind, f"{app}: {sentence.format(applied=applied, went=went)}", relevant, wanted)


def _judged(
    release: str,
    wanted: str | None,
    known: AppSchema | None,
    steps: tuple[SchemaStep, ...] | None,
    relevant: Sequence[SchemaStep],
) -> tuple[Kind, str]:
    bad = [lost(step) for step in relevant if step.breaks(release)]
    if bad:
        return "past", "{went}. Between them a contract step: " + _plain("; ".join(bad))
    if known is None or known.revision is None or not known.is_settled or wanted is None:
        why = f"; which schema {release} went live with is not known" if wanted is None else ""
        return "unknown", "{went}" + why
    if known.revision == wanted:
        return "same", "same schema, {applied}"
    if steps and all(step.verdict != "unknown" for step in steps):
        what = "that only add"
        if any(step.verdict == "contract" for step in steps):
            what += f", or took away what {release} had stopped using"
        return "newer", "{went}; newer by steps " + what + " (" + _plain(_path(steps)) + ")"
    return "unknown", "{went}; what the steps between them took away is not known, so its code must work with it"


def _plain(text: str) -> str:
    """For a text that is formatted once more."""
    return text.replace("{", "{{").replace("}", "}}")


def since(release: str, wanted: str | None, known: AppSchema | None) -> tuple[SchemaStep, ...] | None:
    """The steps from a revision to what is applied, oldest first; None where they do not lead there. One that failed
    half-way may have left the revision as it was, and counts if it came after the release."""
    if known is None or known.revision is None or wanted is None:
        return None
    found: list[SchemaStep] = []
    at = known.revision
    for step in reversed(known.steps):
        if step.after != at or (step.before == step.after == wanted and step.release <= release):
            continue
        if at == wanted and step.before != step.after:
            break
        found.append(step)
        at = step.before
    return tuple(reversed(found)) if at == wanted else None


def _later(release: str, known: AppSchema | None) -> tuple[SchemaStep, ...]:
    """Where the steps do not lead to a release's revision: those of releases that came after it."""
    return tuple(step for step in known.steps if step.release > release) if known else ()


def lost(step: SchemaStep) -> str:
    """What a contract step took away, and who brought it."""
    told = ", ".join(step.losses[:MOST_LOSSES]) or "what it took away is not known"
    more = f", and {len(step.losses) - MOST_LOSSES} more" if len(step.losses) > MOST_LOSSES else ""
    return f"{shown(step.before)} to {shown(step.after)} by {step.release} ({told}{more})"


def _path(steps: Sequence[SchemaStep]) -> str:
    return " to ".join([shown(steps[0].before), *(shown(step.after) for step in steps)])


def concerned(stack: Stack, then: Stack, now: Schemas, apps: Iterable[str], services: Iterable[str]) -> list[str]:
    """The apps whose databases a rollback of `apps` has to do with: their own, and those of a database that they share
    with another. `then` is the stack as the release defines it, `services` the apps that it has."""
    going, there = set(apps), set(services)
    shared = {it.apps[app].database for it in (stack, then) for app in going if app in it.apps} - {""}
    known = {*then.migrations, *now}
    return sorted(
        app
        for app in known
        if (app in going and (app in there))
        or any(app in it.apps and it.apps[app].database in shared for it in (stack, then))
    )
