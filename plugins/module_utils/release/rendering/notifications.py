# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications: configured targets, events, and the message that each service gets. Pure."""

from __future__ import annotations

import dataclasses
import json
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import Problem, RefusedError
from ..hints import hint, on_host
from ..releases.events import DISK, EVENTS, FAILURE, ROLLBACK, START, SUCCESS, Event
from ..releases.lock_holder import LockHolder
from ..releases.report import ReportData
from ..releases.request import Request
from ..releases.runs import Run, sentence
from ..stack.model import ENVIRONMENTS, EnvironmentName
from ..util.fields import Fields
from ..util.printable import clean, clean_block, cleaned
from .summary import rows

TYPES = ("slack", "discord", "webhook")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

#: Discord's limit, in characters.
DISCORD_LIMIT = 2000
#: Below Slack's limit; nobody reads more than this.
SLACK_LIMIT = 4000

_SIGNS = {START: "\u25b6", SUCCESS: "\u2714", FAILURE: "\u2718", ROLLBACK: "\u21a9", DISK: "\u26a0"}


@dataclass(frozen=True)
class Target:
    """One target of notifications. `repr` omits the URL, which is a secret."""

    name: str
    type: str
    url: str = dataclasses.field(repr=False)
    events: tuple[str, ...] = EVENTS
    environments: tuple[str, ...] = ENVIRONMENTS
    stacks: tuple[str, ...] = ()

    def wants(self, event: Event) -> bool:
        """Whether the target is configured for the event. Events of the whole host have no environment or stack."""
        if event.event not in self.events:
            return False
        if event.environment and event.environment not in self.environments:
            return False
        return not (event.stack and self.stacks and event.stack not in self.stacks)


def read_targets(data: Any, where: str = "release_engine_notifications") -> list[Target]:
    """Read and check the list of targets. Raises RefusedError with all problems, none of which contains a URL."""
    problems: list[Problem] = []
    if isinstance(data, (str, dict)) or not isinstance(data, Sequence):
        raise RefusedError([Problem("must be a list", where, "see docs/notifications.md")])
    targets: list[Target] = []
    for number, item in enumerate(data):
        fields = Fields(item, f"{where}[{number}]", problems)
        kind = fields.choice("type", "", TYPES)
        target = Target(
            name=fields.text("name", f"{kind}-{number + 1}", pattern=r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}"),
            type=kind,
            url=_url(fields),
            events=_some(fields, "events", EVENTS) or EVENTS,
            environments=_some(fields, "environments", ENVIRONMENTS) or ENVIRONMENTS,
            stacks=fields.texts("stacks"),
        )
        fields.no_others()
        if target.name in {other.name for other in targets}:
            fields.note("name", f"{target.name!r} appears twice", "give each target a name of its own")
        targets.append(target)
    if problems:
        raise RefusedError(problems)
    return targets


def _some(fields: Fields, key: str, choices: Sequence[str]) -> tuple[str, ...]:
    found = fields.texts(key)
    for item in found:
        if item not in choices:
            fields.note(key, f"{item!r} is not known", "choose from " + ", ".join(choices))
    return found


def _url(fields: Fields) -> str:
    """Check a target's URL. Whoever knows it can post to the channel, so no message repeats it."""
    url = fields.value("url", "")
    if not isinstance(url, str) or not url:
        fields.note("url", "is missing", "set it from ansible-vault")
        return ""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urllib.parse.urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", url) or "@" in parts.netloc:
        fields.note("url", "is not a web address", "write https://..., without spaces, user or password")
    elif parts.scheme == "http" and host not in LOOPBACK:
        fields.note("url", "is not encrypted", "use https; http is for this host's own loopback only")
    return url


def start(request: Request, stack: str, host: str, commit: str, at: float) -> Event:
    """An operation begins to change something."""
    text = f"{request.operation} of {stack} to {request.environment} started" + (f": {commit[:12]}" if commit else "")
    return _event(START, clean(text), request, stack, host, at, commit=commit[:12])


def end(request: Request, report: ReportData, host: str, at: float) -> Event:
    """An operation has ended. Of a failure, only the engine's own words are sent."""
    report = cleaned(report)
    kind = FAILURE if report["failed"] else ROLLBACK if request.operation == "rollback" else SUCCESS
    head = f"{request.operation} of {report['stack']} to {request.environment}"
    message = _own_words(report["message"]) if report["failed"] else report["message"]
    lines = [f"{head} failed: {message}" if report["failed"] else f"{head}: {message}"]
    if report["recovered"]:
        lines.append("before that, an interrupted operation was finished or undone")
    if report["failed"]:
        if message.startswith("refused"):
            lines += [_own_words(problem["what"]) for problem in report["problems"]]
        lines.append(f"more: {hint('status')} on {host}, and the operation's journal there")
    else:
        lines[0] += f", in {report['seconds']:.1f} s"
    wanted = ("downtime",) if report["failed"] else ("downtime", "back", "due")
    lines += [f"{label}: {text}" for label, text, _kind in rows(report) if label in wanted]
    return _event(
        kind,
        "\n".join(clean(line) for line in lines),
        request,
        report["stack"],
        host,
        at,
        release=report["release"],
        was=report["was"],
        commit=report["commit"][:12],
        seconds=float(report["seconds"]),
    )


def _own_words(text: str) -> str:
    """The engine's own words, without the cause, which may be output of git, Docker or an app."""
    return text.partition(": ")[0]


def recovered(stack: str, environment: EnvironmentName, host: str, count: int, at: float) -> Event:
    """Interrupted operations were completed or reverted, by somebody or after a reboot."""
    text = (
        f"recovery of {stack} {environment}: {count} interrupted operation(s) finished or undone; see {hint('status')}"
    )
    return Event(FAILURE, clean(on_host(text, stack)), stack, environment, "recover", host, at=at)


def change(
    who: LockHolder,
    stack: str,
    environment: EnvironmentName,
    host: str,
    at: float,
    *,
    sentences: Sequence[str] = (),
    failure: str = "",
) -> Event:
    """An operation that makes no release has changed something, told in `sentences`; or it failed, and `failure` is in
    the engine's own words, without a cause."""
    who = cleaned(who)
    head = f"{who.operation} of {stack} in {environment}"
    text = f"{head} failed: {_own_words(failure)}" if failure else f"{head}: {'; '.join(sentences)}"
    by = f"by {who.person} on {who.host}" + (f": {who.reason}" if who.reason else "")
    return Event(
        FAILURE if failure else SUCCESS,
        on_host(clean(f"{text} ({by})"), stack),
        stack,
        environment,
        who.operation,
        host,
        who.person,
        who.reason,
        at=at,
    )


def backups(
    who: LockHolder, stack: str, environment: EnvironmentName | Literal[""], at: float, sentences: Sequence[str]
) -> Event:
    """Backups begin to fail, or are too old. What pgBackRest and restic print is not sent."""
    who = cleaned(who)
    lines = [f"backups of {stack}{f' in {environment}' if environment else ''}: something is wrong"]
    # A sentence is the thing, how it stands, and then the cause.
    lines += [": ".join(text.split(": ")[:2]) for text in sentences]
    lines.append(f"more: {hint('status')} on {who.host or 'the host'}")
    text = clean_block(on_host("\n".join(lines), stack))
    return Event(FAILURE, text, stack, environment, "backup", who.host, who.person, who.reason, at=at)


def job(run: Run, at: float) -> Event:
    """A job failed, or was missed. What it printed is not sent."""
    more = hint("jobs", where=run.environment)
    text = f"job {sentence(run)}\nmore: {more} on {run.host or 'the host'}"
    stack, place = run.stack, run.environment
    return Event(
        FAILURE,
        clean_block(on_host(text, stack)),
        stack,
        place,
        f"job {run.app}",
        run.host,
        run.person,
        run.reason,
        run.release,
        seconds=run.seconds or 0.0,
        at=at,
    )


def disk_alarm(host: str, message: str, at: float) -> Event:
    """A cleanup did not reach its floor."""
    return Event(DISK, clean(f"disk of {host}: {message}"), operation="cleanup", host=host, at=at)


def _event(kind: str, text: str, request: Request, stack: str, host: str, at: float, **more: Any) -> Event:
    request = cleaned(request)
    by = f"by {request.person} on {request.host}" + (f": {request.reason}" if request.reason else "")
    first, newline, rest = text.partition("\n")
    return Event(
        kind,
        on_host(f"{first} ({by}){newline}{rest}", stack),
        stack,
        request.environment,
        request.operation,
        host,
        request.person,
        request.reason,
        at=at,
        **more,
    )


def body(target: Target, event: Event) -> bytes:
    """The request body that the service's documentation asks for."""
    event = dataclasses.replace(cleaned(event), text=clean_block(event.text))
    text = f"{_SIGNS[event.event]} [{event.host}] {event.text}"
    if target.type == "slack":
        # Escape &, <, > so that a reason such as <!channel> cannot ping the channel.
        for sign, word in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, word)
        data: dict[str, Any] = {"text": _cut(text, SLACK_LIMIT)}
    elif target.type == "discord":
        data = {"content": _cut(text, DISCORD_LIMIT), "allowed_mentions": {"parse": []}}
    else:
        data = dataclasses.asdict(event)
    return json.dumps(data).encode()


def _cut(text: str, limit: int) -> str:
    """Cut to a length in UTF-16 units, as these services count, without splitting a surrogate pair."""
    data = text.encode("utf-16-le")
    if len(data) <= 2 * limit:
        return text
    return data[: 2 * (limit - 1)].decode("utf-16-le", errors="ignore") + "\u2026"
