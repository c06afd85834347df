# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release: everything that was live together, or could be. Written once; only its status changes."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..stack.model import SLOTS, EnvironmentName, Slot

#: Format version of release.json. Raised when an older engine could misread a newer file.
FORMAT = 1

#: Suffix of the folder of a release that is being written, or that a kill left half-written.
PARTIAL = ".partial"

#: prepared: written, not yet live. previous: was live and good. unknown: its file cannot be read; it is never written.
#: The other words speak for themselves.
ReleaseStatus = Literal["prepared", "live", "previous", "failed", "rolled_back", "unknown"]
STATUSES: tuple[ReleaseStatus, ...] = ("prepared", "live", "previous", "failed", "rolled_back", "unknown")


@dataclass(frozen=True)
class Release:
    """What release.json holds. `images` and `services` name every app of the release.

    `services` are Compose services without what belongs to a slot (ports, project, the release's own labels).
    `env` and `keys` are fingerprints of the files beside it, never their values.
    """

    id: str
    stack: str
    environment: EnvironmentName
    commit: str
    version: str
    created: str
    person: str
    reason: str
    operation: str
    images: dict[str, str]
    services: dict[str, dict[str, Any]]
    #: For each app the commit it was built from; they differ if an operation was limited to some apps.
    commits: dict[str, str] = field(default_factory=dict)
    #: For each app the fingerprint of the source and build settings that its image was built from.
    sources: dict[str, str] = field(default_factory=dict)
    #: The stack's definition at that time, without env values: ports, routes, health paths.
    definition: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    #: Fingerprint of the edge's routes.
    routes: str = ""
    #: The staging release whose images these are; empty for a staging release.
    promoted_from: str = ""
    skipped_gates: tuple[str, ...] = ()
    #: Fingerprints of the files of its error pages, by name.
    pages: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        # Not dataclasses.asdict, which copies everything inside: this is only serialised.
        return {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}

    @functools.cached_property
    def defined(self) -> str:
        """Its definition as JSON, written once however often it is compared."""
        return json.dumps(self.definition)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Release:
        """Raises ValueError if the data was not written by this engine or is incomplete."""
        if data.get("format") != FORMAT:
            raise ValueError(f"format {data.get('format')!r} is not {FORMAT}")
        names = {f.name for f in dataclasses.fields(cls)}
        try:
            release = cls(**{key: value for key, value in data.items() if key in names})
        except TypeError as error:
            raise ValueError(str(error)) from error
        return dataclasses.replace(release, skipped_gates=tuple(release.skipped_gates))

    @property
    def in_slot(self) -> list[str]:
        """The apps that have a container in a slot: all but jobs."""
        apps = self.definition.get("apps", {})
        return [name for name in self.services if apps.get(name, {}).get("kind") != "job"]

    def content(self) -> dict[str, Any]:
        """Everything users could tell apart: two releases with equal content are the same to them. What they were
        promised is a part of it, so that a new promise is tried in staging first."""
        promised = [
            endpoint
            for endpoint in self.definition.get("endpoints", [])
            if self.environment in (endpoint.get("environments") or [self.environment])
        ]
        return {
            **({"endpoints": promised} if promised else {}),
            "images": self.images,
            "services": {name: _without_release(service) for name, service in self.services.items()},
            "env": self.env,
            "keys": self.keys,
            "routes": self.routes,
            "pages": self.pages,
            "apps": self.definition.get("apps", {}),
            "hooks": self.definition.get("hooks", {}),
            "env_matrix": {
                name: [row.get(part) for part in ("environments", "apps", "default")]
                for name, row in self.definition.get("env_matrix", {}).items()
            },
        }


def _without_release(service: dict[str, Any]) -> dict[str, Any]:
    environment = {k: v for k, v in service.get("environment", {}).items() if not k.startswith("RELEASE_")}
    return {**service, "environment": environment}


@dataclass(frozen=True)
class Entry:
    """A release in the history, with its status and how it got there.

    `since` is the time of the last change of status; `via` is the operation that changed it, and `journal` the name of
    its journal. Journals have names that sort in the order of operations, whatever the clock says; an earlier engine
    did not record them.
    """

    release: Release
    status: ReleaseStatus
    since: str = ""
    via: str = ""
    journal: str = ""
    #: The revision that the database of each app had when the release went live: the schema that it is known to fit.
    schema: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Live:
    """What the router sends an environment's traffic to."""

    slot: Slot
    release: str

    def __str__(self) -> str:
        return f"{self.slot}/{self.release}"

    @classmethod
    def parse(cls, text: str) -> Live | None:
        """The reverse of str(); None for the map's `none/none` and for anything that names no slot."""
        slot, _separator, release = text.strip().partition("/")
        return next((cls(name, release) for name in SLOTS if name == slot and release), None)


def timestamp(moment: datetime.datetime) -> str:
    """UTC, to the second, sortable, and only characters that are valid in file names and tags."""
    return moment.astimezone(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def release_id(moment: datetime.datetime, environment: EnvironmentName, commit: str, known: Iterable[str] = ()) -> str:
    """The id of a release that is made now. It sorts after all that are known of its environment."""
    mine = (name for name in known if f"-{environment}-" in name)
    return f"{next_timestamp(moment, mine)}-{environment}-{commit[:7]}"


def next_timestamp(moment: datetime.datetime, known: Iterable[str]) -> str:
    """A timestamp for a name that sorts after all of these, which begin with one: of now, or, where the clock was set
    back since, one second after the latest."""
    latest = max((found for name in known if (found := seconds_of(name)) is not None), default=0.0)
    after = datetime.datetime.fromtimestamp(latest + 1, datetime.timezone.utc)
    return timestamp(max(moment, after))


def moment_of(text: str) -> datetime.datetime:
    """The reverse of `timestamp`, also for ids that begin with one. Raises ValueError."""
    return datetime.datetime.strptime(text[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)


def seconds_of(text: str) -> float | None:
    """The moment that a release's id or a status names, in seconds since the epoch; None if it names none."""
    try:
        return moment_of(text).timestamp()
    except ValueError:
        return None
