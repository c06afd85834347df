# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history on the status page: releases, operations, and what a rollback would do."""

from __future__ import annotations

from ...hints import hint, on_host
from ...releases.status import OperationSummary, ReleaseSummary
from .data import PageData
from .html import Markup, length, moment, tag
from .parts import clip, pill, section, typed

SOFT = "soft small"


def rollback(data: PageData) -> Markup:
    """What a rollback would do now."""
    back = data.status.rollback
    if not back.to:
        word = pill("nothing to do") if back.possible else pill("not possible", "warn", "alert")
        if not data.status.environments["production"].release:
            word = pill("nothing is live")
        return section(
            "Rollback", tag("p", clip(on_host(back.text, data.status.stack), 600), class_="empty"), beside=word
        )
    commit, release = tag("code", back.commit), tag("code", back.to)
    how = "Production would go back to" if back.possible else "Refused as it is: back to"
    text = tag("p", f"{how} commit ", commit, ", release ", release, ".", class_="small")
    changes = [tag("li", change) for change in back.changes] or [tag("li", "images and settings stay the same")]
    if not back.possible:
        ways = tag("p", clip(on_host(back.text, data.status.stack), 1200), class_="small")
        return section(
            "Rollback", text, tag("ul", *changes, class_="changes"), ways, beside=pill("not possible", "warn", "alert")
        )
    command = typed(on_host(hint("rollback", reason="..."), data.status.stack))
    return section(
        "Rollback", text, tag("ul", *changes, class_="changes"), command, beside=pill("ready", "good", "check")
    )


def releases(data: PageData) -> Markup:
    """The timeline, newest first."""
    items = [_release(item, float(data.at)) for item in data.releases]
    if not items:
        return section("Releases", tag("p", "No releases yet.", class_="empty"))
    return section("Releases", tag("ol", *items, class_="road"))


def _release(item: ReleaseSummary, now: float) -> Markup:
    what = [f"{item.apps} app{'s' if item.apps != 1 else ''}"]
    if item.version and item.version != item.commit:
        what.insert(0, clip(item.version, 120))
    when = [moment(item.created_at, now)] if item.created_at else []
    lines = [
        _title(item.environment.capitalize(), "", item.status),
        tag("p", tag("code", item.commit), " " + ", ".join(what), class_="small"),
        tag(
            "p",
            *when,
            f" by {clip(item.person, 80)}",
            class_=SOFT,
        ),
    ]
    word = {"rolled_back": "rolled back", "previous": "live until"}.get(item.status)
    if word and item.changed_at:
        lines.append(tag("p", f"{word} ", moment(item.changed_at, now), class_=SOFT))
    if item.reason:
        lines.append(tag("p", clip(item.reason), class_="said"))
    if item.skipped_gates:
        lines.append(tag("p", "gates skipped: " + ", ".join(item.skipped_gates), class_="said"))
    return tag("li", *lines, class_=f"is-{item.status}")


def operations(data: PageData) -> Markup:
    """Promotes, rollbacks and deploys, with result and duration; newest first."""
    items = [_operation(item, float(data.at), data.status.stack) for item in data.operations]
    title = "Promotes, rollbacks, deploys"
    if not items:
        return section(title, tag("p", "No operations yet.", class_="empty"))
    return section(title, tag("ol", *items, class_="steps"))


def _operation(item: OperationSummary, now: float, stack: str) -> Markup:
    took = f", took {length(item.seconds)}" if item.seconds is not None else ""
    lines = [
        _title(item.operation.capitalize(), item.environment, item.outcome),
        tag("p", moment(item.at, now), f" by {clip(item.person, 80)}{took}", class_=SOFT),
    ]
    if item.reason:
        lines.append(tag("p", clip(item.reason), class_="said"))
    if item.message and item.outcome != "succeeded":
        lines.append(tag("p", clip(on_host(item.message, stack)), class_="said"))
    return tag("li", *lines)


def _title(text: str, more: str, word: str) -> Markup:
    return tag("div", tag("strong", text), tag("span", more, class_="soft"), pill(word), class_="row")
