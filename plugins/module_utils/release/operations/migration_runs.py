# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container of a release's app for its database: it migrates, or answers a question about what is applied."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import Any

from ..env.secret_forms import Redactor
from ..errors import OperationError
from ..hints import hint
from ..planning import migration_errors, migrations
from ..ports import Host
from ..process.journal import Journal
from ..releases.compose import slot_network
from ..releases.plan import Plan
from ..releases.runs import OF_MIGRATIONS, Run, Why
from ..releases.schema import Standing
from ..releases.services import slot_networks
from ..releases.slot import Place, planned_slot
from ..stack.app_env import env_files, values_of
from ..stack.databases import OWNER
from ..stack.migrate import Migrate
from ..stack.model import Stack
from ..util.concurrency import concurrently
from . import one_off, redaction

#: A question takes a moment; where the database does not answer, its driver gives up long before.
QUESTION_SECONDS = 60.0
UNDONE = "was stopped, because the operation that it belongs to was undone"


class MigrationRuns:
    """The containers of one operation's migrations. `day` is the stack as the new release defines it, `env` the values
    that they get in place of the release's own."""

    def __init__(
        self,
        host: Host,
        stack: Stack,
        day: Stack,
        plan: Plan,
        journal: Journal,
        env: Mapping[str, bytes] | None = None,
    ) -> None:
        self.host, self.stack, self.day, self.plan, self.journal = host, stack, day, plan, journal
        self.given = env

    @functools.cached_property
    def redact(self) -> Redactor:
        return redaction.redactor(self.host, self.stack)

    @functools.cached_property
    def _env(self) -> dict[str, bytes]:
        if self.given is not None:
            return dict(self.given)
        return self.host.store.release_env(self.stack, self.plan.release.id)

    def provide_network(self) -> None:
        """Before its slot has ever been started there is none."""
        environment = self.plan.environment
        block = self._block()
        if not block:
            what = "has no addresses for its containers yet, so a migration has no network"
            raise OperationError("nothing was migrated", self.where, what, hint("provision"))
        mine = slot_network(self.stack, environment, self.plan.slot, block)["networks"]["default"]["name"]
        for network in slot_networks(self.stack, environment, block):
            if network.name == mine:
                self.host.docker.provide_network(network.name, network.subnet, network.labels)

    def ask(self, app: str, command: tuple[str, ...]) -> Run:
        """Carry out a question, and wait for its end."""
        token = os.urandom(4).hex()
        return self._carry_out(self._run("question", app, command, f"question-{token}", QUESTION_SECONDS))

    def revision(self, app: str, migrate: Migrate) -> str:
        """What is applied. Raises OperationError if the database cannot be asked."""
        return self._answer(self.ask(app, migrate.revision), "what is applied")

    def standing(self, app: str, migrate: Migrate) -> Standing:
        """What is applied, and what is to be. Raises OperationError if nobody says."""
        # Both at once: each is a container, which takes a moment to start.
        first, second = concurrently(
            lambda command: self.ask(app, command), [migrate.revision, migrate.target or migrate.check]
        )
        revision = self._answer(first, "what is applied")
        if migrate.check:
            return Standing(revision, None, second.outcome != "succeeded")
        wanted = self._answer(second, "what its image brings")
        return Standing(revision, wanted, wanted != revision)

    def _answer(self, run: Run, what: str) -> str:
        if run.outcome != "succeeded":
            raise migration_errors.unanswered(run, self.where, what)
        return migrations.revision_of(run.log)

    def migrate(self, app: str, migrate: Migrate, attempt: int, seconds: float) -> Run:
        """Migrate, and wait for the end."""
        return self._carry_out(self._run("migrate", app, migrate.command, f"migrate{attempt}-{self._name}", seconds))

    def make_ready(self, app: str, migrate: Migrate, attempt: int, seconds: float) -> Run:
        """Have the tool take up again what it has noted as failed, and wait for the end."""
        return self._carry_out(self._run("migrate", app, migrate.before_retry, f"ready{attempt}-{self._name}", seconds))

    @property
    def _name(self) -> str:
        """What tells the runs of this operation from those of others."""
        return os.path.basename(self.journal.path or "").removesuffix(".jsonl").rpartition("-")[2]

    def stop(self) -> list[Run]:
        """End what a killed operation has left, and wait for its end; nothing is begun. Can be repeated. Returns the
        migrations that went on or whose end nobody had seen."""
        stack, environment = self.plan.stack, self.plan.environment
        left = {container.run for container in self.host.one_off.found(stack, environment)}
        found = []
        for run in self.host.runs.records(stack):
            if run.environment != environment or run.why not in OF_MIGRATIONS or run.app not in self.day.migrations:
                continue
            if run.is_over and run.id not in left:
                self.host.runs.clear(run)
                continue
            ended = one_off.give_up(self.host, run, UNDONE, self.redact)
            if run.why == "migrate" and not run.is_over:
                found.append(ended)
        return found

    @property
    def where(self) -> str:
        return f"{self.plan.stack} {self.plan.environment}"

    def _block(self) -> str:
        return self.host.store.networks().get(self.plan.stack, {}).get(self.plan.environment, "")

    def _run(self, why: Why, app: str, command: tuple[str, ...], rest: str, seconds: float) -> Run:
        release = self.plan.release
        # The journal's name begins with its time. What follows a dot tells runs of one app apart.
        moment = os.path.basename(self.journal.path or "").partition("-")[0]
        return Run(
            id=f"{moment}-{self.plan.environment}-{app}.{rest}",
            stack=self.plan.stack,
            environment=self.plan.environment,
            app=app,
            release=release.id,
            why=why,
            begun=self.host.clock.now(),
            person=release.person,
            reason=release.reason,
            command=command,
            deadline_seconds=seconds,
            stop_seconds=self.day.apps[app].stop_seconds,
        )

    def _placed(self, slot: dict[str, Any]) -> dict[str, Any]:
        """The Compose file of a slot that has the release, in the network where the database is reached."""
        return slot | slot_network(self.stack, self.plan.environment, self.plan.slot, self._block())

    def _carry_out(self, run: Run) -> Run:
        environment, release, app = self.plan.environment, self.plan.release, self.day.apps[run.app]
        home, store = self.host.runs.home(run), self.host.store
        place = Place(self.plan.slot, home, {})
        slot = planned_slot(self.stack, release, place, self._env, store.key_fingerprints(self.stack))
        slot = self._placed(slot)
        # Who changes the schema may be somebody else than the app itself.
        values = values_of(self.day, app.name, environment, self._env, OWNER)
        given: Mapping[str, Any] = slot["services"][app.name].get("environment", {})
        limits = migrations.limits(app.migrate, given, values) if app.migrate else {}
        files = env_files(self.day, app.name, values, self._env)
        return one_off.carry_out(self.host, self.stack, slot, run, limits=limits, env=files, redact=self.redact)
