# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of the apps, one for each environment, as the migrations of their images see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakes.docker import HEALTHY, SICK
from fakes.scratch import COPY
from release.releases.catalog import Catalog

if TYPE_CHECKING:
    from fakes.one_off import RunBox
    from fakes.world import World

QUESTIONS = (["revision"], ["target"], ["check"])
MIGRATE = ["migrate"]
#: Back to the revision that follows, and one back.
DOWN, UNDO = ["down"], ["undo"]
#: Has the tool forget that one failed.
AGAIN = ["again"]


@dataclass
class FakeDatabases:
    """`newest` is what an image brings that is seen for the first time."""

    world: World
    newest: str = "0001"
    brings: dict[str, str] = field(default_factory=dict)
    applied: dict[str, str] = field(default_factory=dict)
    #: Every migration that was begun, and those that came to their end, as environment and revision; in order.
    begun: list[tuple[str, str]] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)
    #: By revision: what the migration to it leaves applied, and prints, when it fails; and for how long it goes.
    fails: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    lasts: float = 3.0
    #: How often a migration waits for a lock in vain.
    locked: int = 0
    is_down: bool = False
    #: Whether the tool notes a failure and refuses to begin again until it is told, as Prisma does; where it does that
    #: now, how often it was told, and whether that fails.
    notes_failures: bool = False
    refusing: set[str] = field(default_factory=set)
    readied: int = 0
    stays_unready: bool = False
    #: Most tools refuse a database that has more than their image brings.
    bears_newer: bool = False
    #: The code of before does not work with these, and becomes so.
    breaking: set[str] = field(default_factory=set)
    breaks_as: str = SICK
    #: What became of images by that, and is as it was once it is taken back.
    broken: dict[str, str] = field(default_factory=dict)
    #: Migrations to these take away the first column that is there.
    contracts: set[str] = field(default_factory=set)
    #: Going back from these fails, and leaves them applied.
    stuck: set[str] = field(default_factory=set)
    #: Every schema that was taken back, as environment and revision.
    downs: list[tuple[str, str]] = field(default_factory=list)
    #: What was given to its container, by name.
    options: list[str] = field(default_factory=list)

    def is_question(self, box: RunBox) -> bool:
        return box.item.get("command") in QUESTIONS

    def place(self, box: RunBox) -> str:
        """Which database it finds under its address."""
        return COPY if box.network.endswith("-rehearsal") else box.environment

    def target(self, box: RunBox) -> str:
        return self.brings.setdefault(box.image, self.newest)

    def go(self, box: RunBox) -> None:
        """It begins: what it will print and how it will end is known now, what it changes is true in the end."""
        command, target, there = box.item.get("command"), self.target(box), self.applied.get(self.place(box), "")
        command = command if isinstance(command, list) else []
        if command not in (MIGRATE, AGAIN, *QUESTIONS) and command[:1] not in (DOWN, UNDO):
            return
        self.options.append(box.item["environment"]["PGOPTIONS"])
        box.lasts, box.prints, box.code = 0.5, [], 0
        if self.is_down:
            box.code, box.prints = 1, ["could not connect to db://1: Connection refused"]
        elif there > target and not self.bears_newer and command != ["target"]:
            box.code, box.prints = 255, [f"FAILED: Can't locate revision identified by '{there}'"]
        elif command == ["revision"]:
            box.prints = [f"{there} (head)" if there == target else there]
        elif command == ["target"]:
            box.prints = [f"{target} (head)"]
        elif command == ["check"]:
            box.code = int(there != target)
        elif command == AGAIN:
            self.readied += 1
            box.code = int(self.stays_unready)
            self.refusing.discard(box.environment)
        elif command == MIGRATE:
            self._migrate(box, target, there)
        else:
            self._down(box, command, there)

    def _down(self, box: RunBox, command: list[str], there: str) -> None:
        box.lasts, box.prints = self.lasts, [f"Running downgrade {there}"]
        box.to = command[1] if command[:1] == DOWN else f"{int(there) - 1:04}"
        if there in self.stuck:
            box.code, box.to = 1, there
            box.prints += ["ERROR: cannot drop column posts.tags: other objects depend on it"]

    def _migrate(self, box: RunBox, target: str, there: str) -> None:
        self.begun.append((self.place(box), target))
        self._check_way_back(box)
        box.lasts, box.prints = self.lasts, [f"Running upgrade {there} -> {target}, more of it"]
        if box.environment in self.refusing:
            box.code = 1
            box.prints = ["Error: P3009", "The `0002` migration started at 2026-11-27 03:07:53.693 UTC failed"]
            return
        if self.notes_failures and (self.locked or target in self.fails):
            self.refusing.add(box.environment)
        if self.locked:
            self.locked -= 1
            box.code = 1
            box.prints += ["psycopg.errors.LockNotAvailable: canceling statement due to lock timeout"]
        elif target in self.fails:
            left, prints = self.fails[target]
            box.code, box.to = 1, left
            box.prints += prints
        else:
            box.to = max(target, there)

    def ended(self, box: RunBox) -> None:
        """It has ended by itself."""
        if box.to is None:
            return
        before, box_to, box.to = self.applied.get(self.place(box), ""), box.to, None
        self.applied[self.place(box)] = box_to
        if box.code == 0:
            self.done.append((self.place(box), box_to))
        if box_to < before:
            self.downs.append((self.place(box), box_to))
            for image, behaviour in self.broken.items():
                if image in self.world.docker.images:
                    self.world.docker.images[image] = (self.world.docker.images[image][0], behaviour)
            self.broken.clear()
        if box_to in self.breaking and before < box_to and self.place(box) != COPY:
            for image, (known, behaviour) in list(self.world.docker.images.items()):
                if behaviour == HEALTHY and self.brings.get(image, box_to) < box_to:
                    self.broken[image] = behaviour
                    self.world.docker.images[image] = (known, self.breaks_as)

    def _check_way_back(self, box: RunBox) -> None:
        """What is backed up is never migrated without a moment to which it can be brought back, which is known."""
        main = self.world.stack.databases.get("main")
        if main is None or main.backup is None or self.place(box) == COPY:
            return
        points = self.world.store.points.get(box.environment, {}).get("main", ())
        if not any(point.name == f"{box.release}-{box.app}" for point in points):
            self.world.violations.append(f"{box.release} migrates {box.environment} without a restore point")

    def read(self, port: int, database: str) -> Catalog:
        """What the catalog of a cluster's database says: each migration adds a column, and some take the first away."""
        assert database == "main"
        kept = self.world.store.databases(self.world.stack.name)
        environment = next((name for name, mine in kept.items() if mine["main"].port == port), COPY)
        applied = self.applied.get(environment, "")
        columns: list[str] = []
        for number in range(1, int(applied[:4] or 0) + 1):
            if f"{number:04}" in self.contracts:
                del columns[:1]
            columns.append(f"c{number:04}")
        rows = {name: {"type": "text", "app": "SIU"} for name in columns}
        return Catalog(relations={"public.posts": {"kind": "r", "columns": rows, "rights": ["SELECT"], "of": []}})
