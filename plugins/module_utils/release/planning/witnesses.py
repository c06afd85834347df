# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is live is told four times: by HAProxy's memory, by its map file, by the history and by the running containers.

Each may be lost or damaged. `judge` decides by clear rules which of them is right and says what to put right:

* Who says nothing has no vote: nothing is live only if nobody says otherwise.
* What runs comes before what does not.
* Then what most of memory, file and history say; if that is a tie, memory before file before history.
* What nobody names but the containers is believed last, and never of a release that failed or was given up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..releases.history import when
from ..releases.plan import Plan
from ..releases.release import Entry, Live, ReleaseStatus
from ..releases.runtime import Placed
from ..stack.model import SLOTS, Slot

#: Docker's words for a container that is meant to run; one that crashes, or boots, is restarting for a moment.
UP = ("running", "restarting", "paused")
#: A container of such a release does not run because it is live.
GIVEN_UP = ("failed", "rolled_back", "prepared")


@dataclass(frozen=True)
class Word:
    """What one half of the router says. `trouble` is why it cannot be understood; then nothing is live for it."""

    live: Live | None = None
    trouble: str = ""

    def __str__(self) -> str:
        return self.trouble or (f"says {self.live}" if self.live else "says that nothing is live")


@dataclass(frozen=True)
class Statement:
    """What each witness says of one environment."""

    file: Word
    #: None where HAProxy does not run, or knows no such map because the stack has no web app.
    memory: Word | None
    #: Of this environment.
    entries: Sequence[Entry]
    #: None while Docker does not answer.
    containers: Sequence[Placed] | None
    #: The release that the files of each slot are of: says where a release is when its containers are gone.
    slots: Mapping[Slot, str] = field(default_factory=dict)

    def runs(self, live: Live) -> bool:
        """Docker not answering is no reason to doubt anybody."""
        if self.containers is None:
            return True
        return any((c.slot, c.release) == (live.slot, live.release) and c.state in UP for c in self.containers)

    def place(self, release: str) -> Live | None:
        """Where a release is, by its containers, those that run first, or else by the files of its slot."""
        mine = [container for container in self.containers or () if container.release == release]
        found = [c.slot for c in sorted(mine, key=lambda c: c.state not in UP)]
        found += [slot for slot in SLOTS if self.slots.get(slot) == release]
        return Live(found[0], release) if found else None


@dataclass(frozen=True)
class Verdict:
    """What is live, who says otherwise, and what has to be written so that all say it."""

    live: Live | None
    #: Sentences, one for each witness that disagrees.
    said: tuple[str, ...] = ()
    file: bool = False
    memory: bool = False
    statuses: Mapping[str, ReleaseStatus] = field(default_factory=dict)

    @property
    def is_unanimous(self) -> bool:
        return not (self.said or self.file or self.memory or self.statuses)

    def apply(self, entries: Iterable[Entry]) -> list[Entry]:
        """The history as it will be once it is put right."""
        return [
            dataclasses.replace(entry, status=self.statuses[entry.release.id])
            if entry.release.id in self.statuses
            else entry
            for entry in entries
        ]


def judge(heard: Statement) -> Verdict:
    """Who is right about what is live, and what to write."""
    live = _choose(heard)
    named = [entry.release.id for entry in heard.entries if entry.status == "live"]
    wanted = [live.release] if live else []
    known = {entry.release.id for entry in heard.entries}
    statuses: dict[str, ReleaseStatus] = {name: "previous" for name in named if name not in wanted}
    statuses |= {name: "live" for name in wanted if name in known and name not in named}
    said = []
    if heard.file.trouble or heard.file.live != live:
        said.append(f"the map file {heard.file}")
    memory = heard.memory is not None and (bool(heard.memory.trouble) or heard.memory.live != live)
    if memory:
        said.append(f"HAProxy's memory {heard.memory}")
    if statuses:
        said.append(f"the history says {' and '.join(named)}" if named else "the history says that nothing is live")
    # No operation is under way, so none will decide about these.
    begun = [
        entry.release.id for entry in heard.entries if entry.status == "prepared" and entry.release.id not in wanted
    ]
    statuses |= dict.fromkeys(begun, "failed")
    said += [f"the history says that {name} is being released, but no operation does that" for name in begun]
    return Verdict(live, tuple(said), bool(heard.file.trouble) or heard.file.live != live, memory, statuses)


def _choose(heard: Statement) -> Live | None:
    """The candidate with the best reasons."""
    votes = [heard.memory.live if heard.memory else None, heard.file.live, *_of_history(heard)]
    heard_of = [vote for vote in votes if vote is not None]
    candidates = [*dict.fromkeys([*heard_of, *_running(heard)])]
    if not candidates:
        return None
    # max() takes the first of equals: memory, file, history, containers.
    return max(candidates, key=lambda live: (heard.runs(live), heard_of.count(live)))


def _of_history(heard: Statement) -> list[Live]:
    alive = sorted((entry for entry in heard.entries if entry.status == "live"), key=when, reverse=True)
    return [live for entry in alive if (live := heard.place(entry.release.id)) is not None]


def _running(heard: Statement) -> list[Live]:
    """Releases whose containers run, the newest first."""
    given_up = {entry.release.id for entry in heard.entries if entry.status in GIVEN_UP}
    found = {Live(c.slot, c.release) for c in heard.containers or () if c.state in UP and c.release not in given_up}
    return sorted(found, key=lambda live: (live.release, live.slot), reverse=True)


@dataclass(frozen=True)
class Remembered:
    """What the journal of one ended operation tells of the releases that it was about."""

    journal: str
    plan: Plan
    succeeded: bool
    #: When it ended, as a timestamp.
    at: str = ""


def restore(
    entries: Sequence[Entry], names: Iterable[str], remembered: Sequence[Remembered], live: Iterable[str] = ()
) -> list[Entry]:
    """The history with what the journals, oldest first, know of releases and statuses that cannot be read.

    Of a status that no journal knows only this is certain: that the release was written. It is taken for one that was
    given up, which a rollback never chooses by itself, but a person may.
    """
    lost = set(names) - {entry.release.id for entry in entries}
    found = list(entries)
    for item in remembered:
        if item.plan.is_new and item.plan.release.id in lost:
            lost.discard(item.plan.release.id)
            found.append(Entry(item.plan.release, "unknown"))
    mended = [_with_status(entry, remembered, set(live)) if entry.status == "unknown" else entry for entry in found]
    return sorted(mended, key=lambda entry: entry.release.id)


def _with_status(entry: Entry, remembered: Sequence[Remembered], live: set[str]) -> Entry:
    name = entry.release.id
    for item in reversed(remembered):
        if item.succeeded and name in item.plan.statuses:
            return Entry(entry.release, item.plan.statuses[name], item.at, item.plan.via, item.journal)
        if not item.succeeded and item.plan.is_new and item.plan.release.id == name:
            return Entry(entry.release, item.plan.failed_status, item.at, item.plan.via, item.journal)
    status: ReleaseStatus = "live" if name in live else "rolled_back"
    return dataclasses.replace(entry, status=status, via=entry.via or entry.release.operation)


def sentence(verdict: Verdict) -> str:
    """The disagreement, for people."""
    return f"{', '.join(verdict.said)}; {verdict.live or 'nothing'} is live"
