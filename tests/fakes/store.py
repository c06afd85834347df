# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from release.env.env_file import fingerprint, format_env
from release.env.secret_ages import SecretRecord
from release.errors import Problem
from release.planning.disk_usage import Sample
from release.planning.networks import Blocks
from release.releases.backups import BackupRecord, RestorePoint
from release.releases.compose import LABEL
from release.releases.databases import Kept, KeptAll, addresses
from release.releases.drills import Drill
from release.releases.rehearsal import Rehearsal
from release.releases.release import Entry, Release, ReleaseStatus
from release.releases.replicas import Scale
from release.releases.restores import Restored
from release.releases.schema import AppSchema
from release.releases.slot import StandbyNote
from release.stack.flags import FlagChange, State
from release.stack.model import ENVIRONMENTS, SLOTS, EnvironmentName, Slot, Stack

if TYPE_CHECKING:
    from fakes.world import World


@dataclass
class Written:
    """A release on the fake disk."""

    release: Release
    env: dict[str, bytes]
    status: ReleaseStatus
    since: str
    via: str
    routes: bytes | None
    journal: str = ""
    schema: Mapping[str, str] = field(default_factory=dict)
    #: Its release.json cannot be read.
    is_lost: bool = False


KEY_FILES = ("jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem")


@dataclass
class FakeStore:
    """The disk: releases, slots, configuration."""

    world: World
    written: dict[str, Written] = field(default_factory=dict)
    half: set[str] = field(default_factory=set)
    pages: dict[str, dict[str, bytes]] = field(default_factory=dict)
    env: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=lambda: dict.fromkeys(KEY_FILES, b"one"))
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, StandbyNote | None] = field(default_factory=dict)
    free: int = 100_000_000_000
    kept: dict[str, KeptAll] = field(default_factory=dict)
    record: SecretRecord = field(default_factory=SecretRecord)
    clean: dict[str, str] = field(default_factory=dict)
    slot_env: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    flags_set: dict[str, State] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    build_secrets: dict[str, str] = field(default_factory=dict)
    service_env: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[str, Blocks] = field(default_factory=dict)
    scaled: dict[str, dict[str, Scale]] = field(default_factory=dict)
    records: dict[str, dict[str, BackupRecord]] = field(default_factory=dict)
    points: dict[str, dict[str, tuple[RestorePoint, ...]]] = field(default_factory=dict)
    known_rehearsals: list[Rehearsal] = field(default_factory=list)
    known_schemas: dict[str, dict[str, AppSchema]] = field(default_factory=dict)

    known_restores: dict[str, dict[str, list[Restored]]] = field(default_factory=dict)
    known_drills: dict[str, dict[str, list[Drill]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.env = {layer: format_env(values).encode() for layer, values in self.world.stack.env.items()}

    def releases(self, stack: str) -> list[Entry]:
        self.world.faults.alive()
        return self.entries()

    def release_names(self, stack: str) -> list[str]:
        return sorted(self.written)

    def entries(self) -> list[Entry]:
        return [
            Entry(w.release, w.status, w.since, w.via, w.journal, w.schema)
            for _, w in sorted(self.written.items())
            if not w.is_lost
        ]

    def restore_release(self, stack: Stack, release: Release) -> None:
        with self.world.change("store release again"):
            was = self.written[release.id]
            assert was.release == release, "another release was restored"
            was.is_lost = False

    def slot_release(self, stack: str, environment: EnvironmentName, slot: Slot) -> str:
        services = self.files.get(f"/state/{environment}-{slot}/compose.json", {}).get("services", {}).values()
        return next((str(service["labels"][f"{LABEL}.id"]) for service in services), "")

    def troubles(self, stack: str) -> list[Problem]:
        lost = [Problem("is damaged", f"{name}/release.json") for name, w in self.written.items() if w.is_lost]
        unknown = [name for name, w in self.written.items() if w.status == "unknown"]
        return lost + [Problem("is empty", f"{name}/status.json") for name in unknown]

    def write_release(
        self,
        stack: Stack,
        release: Release,
        env: Mapping[str, bytes],
        routes: bytes | None,
        pages: Mapping[str, bytes] | None = None,
    ) -> None:
        with self.world.change("store half a release"):
            self.half.add(release.id)
        with self.world.change("store release"):
            assert release.id not in self.written
            # Through JSON, as on a disk: a release must come back as it was written.
            whole = Release.from_json(json.loads(json.dumps(release.to_json())))
            assert whole == release, "a release changes on its way through the disk"
            moment = release.id.split("-")[0]
            self.written[release.id] = Written(whole, dict(env), "prepared", moment, release.operation, routes)
            self.pages[release.id] = dict(pages or {})
            self.half.discard(release.id)

    def release_pages(self, stack: Stack, release: str) -> dict[str, bytes]:
        return dict(self.pages.get(release, {}))

    def release_env(self, stack: Stack, release: str) -> dict[str, bytes]:
        return dict(self.written[release].env) if release in self.written else {}

    def networks(self) -> dict[str, Blocks]:
        return dict(self.blocks)

    def set_networks(self, stack: str, blocks: Blocks) -> None:
        with self.world.change(f"store networks {stack}"):
            self.blocks[stack] = dict(blocks)

    def release_routes(self, stack: Stack, release: str) -> bytes | None:
        return self.written[release].routes

    def set_warm(self, stack: Stack, environment: EnvironmentName, note: StandbyNote | None) -> None:
        with self.world.change(f"store warm {environment}"):
            self.notes[environment] = note

    def warm(self, stack: Stack, environment: EnvironmentName) -> StandbyNote | None:
        return self.notes.get(environment)

    def set_status(self, stack: Stack, entry: Entry) -> None:
        assert entry.status != "unknown"
        with self.world.change(f"store status {entry.status}"):
            written = self.written[entry.release.id]
            written.status, written.via, written.since = entry.status, entry.via, entry.since
            written.journal, written.schema = entry.journal, dict(entry.schema)

    def config_env(self, stack: Stack, environment: EnvironmentName) -> dict[str, bytes | None]:
        self.world.faults.alive()
        found = {layer: self.env.get(layer) for layer in ("common", environment)}
        own = found[environment]
        if stack.databases and own is not None:
            given = addresses(stack, environment, self.databases(stack.name))
            found[environment] = own + format_env(given, "addresses").encode()
        return found

    def databases(self, stack: str) -> dict[str, dict[str, Kept]]:
        return {environment: dict(mine) for environment, mine in self.kept.get(stack, {}).items()}

    def set_databases(self, stack: str, kept: KeptAll) -> None:
        with self.world.change("store databases"):
            self.kept[stack] = kept

    def private_key(self, stack: Stack) -> bytes:
        return self.keys.get("jwt_private.pem", b"") if stack.keys else b""

    def key_fingerprints(self, stack: Stack) -> dict[str, str | None]:
        names = KEY_FILES if stack.keys else ()
        return {name: fingerprint(self.keys[name]) if name in self.keys else None for name in names}

    def write_slot(
        self, stack: Stack, environment: EnvironmentName, slot: Slot, compose: dict[str, Any], env: Mapping[str, bytes]
    ) -> None:
        with self.world.change(f"store slot {environment} {slot}"):
            assert environment in ENVIRONMENTS and slot in SLOTS
            self.files[self.slot_compose_path(stack, environment, slot)] = json.loads(json.dumps(compose))
            self.slot_env[environment, slot] = dict(env)

    def set_slot_compose(
        self, stack: Stack, environment: EnvironmentName, slot: Slot, compose: Mapping[str, Any]
    ) -> None:
        with self.world.change(f"store slot file {environment} {slot}"):
            self.files[self.slot_compose_path(stack, environment, slot)] = json.loads(json.dumps(compose))

    def scales(self, stack: str) -> dict[str, dict[str, Scale]]:
        return {name: dict(mine) for name, mine in self.scaled.items() if mine}

    def set_scales(self, stack: Stack, environment: EnvironmentName, scales: Mapping[str, Scale]) -> None:
        with self.world.change(f"store scales {environment}"):
            self.scaled[environment] = dict(scales)

    def restored(self, stack: str) -> dict[str, dict[str, list[Restored]]]:
        return {name: {one: list(it) for one, it in mine.items()} for name, mine in self.known_restores.items()}

    def add_restored(self, stack: str, environment: EnvironmentName, database: str, restored: Restored) -> None:
        with self.world.change(f"store restored {environment} {database}"):
            kept = Restored.from_json(json.loads(json.dumps(restored.to_json())))
            assert kept == restored, "a restore changes on its way through the disk"
            mine = self.known_restores.setdefault(environment, {}).setdefault(database, [])
            mine[:] = [one for one in mine if one.at != restored.at] + [restored]

    def drills(self, stack: str) -> dict[str, dict[str, list[Drill]]]:
        return {name: {one: list(it) for one, it in mine.items()} for name, mine in self.known_drills.items()}

    def add_drill(self, stack: str, drill: Drill) -> None:
        kept = Drill.from_json(json.loads(json.dumps(drill.to_json())))
        assert kept == drill, "a drill changes on its way through the disk"
        self.known_drills.setdefault(drill.environment, {}).setdefault(drill.database, []).append(drill)

    def schemas(self, stack: str) -> dict[str, dict[str, AppSchema]]:
        self.world.faults.alive()
        return {name: dict(self.known_schemas.get(name, {})) for name in ENVIRONMENTS}

    def backup_records(self, stack: str) -> dict[str, BackupRecord]:
        return dict(self.records.get(stack, {}))

    def set_backup_records(self, stack: str, records: Mapping[str, BackupRecord]) -> None:
        with self.world.change(f"store backups of {stack}"):
            self.records[stack] = {
                key: again for key, it in records.items() if (again := BackupRecord.from_json(it.to_json()))
            }

    def restore_points(self, stack: str) -> dict[str, dict[str, tuple[RestorePoint, ...]]]:
        return {name: dict(mine) for name, mine in self.points.items()}

    def add_restore_point(
        self, stack: str, environment: EnvironmentName, database: str, point: RestorePoint, keep_seconds: float
    ) -> None:
        with self.world.change(f"store restore point {environment} {database}"):
            mine = self.points.setdefault(environment, {})
            mine[database] = (*(it for it in mine.get(database, ()) if it.at > point.at - keep_seconds), point)

    def set_schema(self, stack: str, environment: EnvironmentName, app: str, schema: AppSchema) -> None:
        with self.world.change(f"store schema {environment} {app}: {schema.state}"):
            kept = AppSchema.from_json(json.loads(json.dumps(schema.to_json())))
            assert kept == schema, "a schema changes on its way through the disk"
            self.known_schemas.setdefault(environment, {})[app] = kept

    def rehearsals(self, stack: str) -> list[Rehearsal]:
        self.world.faults.alive()
        return list(self.known_rehearsals)

    def add_rehearsal(self, stack: str, rehearsal: Rehearsal) -> None:
        with self.world.change(f"store rehearsal of {rehearsal.environment}"):
            kept = Rehearsal.from_json(json.loads(json.dumps(rehearsal.to_json())))
            assert kept == rehearsal, "a rehearsal changes on its way through the disk"
            self.known_rehearsals.append(kept)

    def slot_files(self, stack: Stack, environment: EnvironmentName, slot: Slot) -> dict[str, bytes]:
        return dict(self.slot_env.get((environment, slot), {}))

    def slot_compose_path(self, stack: Stack, environment: EnvironmentName, slot: Slot) -> str:
        return f"/state/{environment}-{slot}/compose.json"

    def slot_compose(self, stack: str, environment: EnvironmentName, slot: Slot) -> dict[str, Any]:
        return self.files.get(self.slot_compose_path(self.world.stack, environment, slot), {})

    def service_path(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> str:
        return f"/state/services/{environment}/{service}/{created_from}/compose.json"

    def write_service(
        self,
        stack: Stack,
        environment: EnvironmentName,
        service: str,
        created_from: str,
        compose: dict[str, Any],
        env: bytes,
    ) -> None:
        with self.world.change(f"store service {service}"):
            path = self.service_path(stack, environment, service, created_from)
            self.files[path] = json.loads(json.dumps(compose))
            self.service_env[path] = env

    def has_service(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> bool:
        return self.service_path(stack, environment, service, created_from) in self.files

    def keep_service(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> None:
        with self.world.change(f"store service {service} only"):
            home, kept = f"/state/services/{environment}/{service}/", f"/{created_from}/"
            self.files = {p: f for p, f in self.files.items() if not p.startswith(home) or (created_from and kept in p)}

    def secret_record(self, stack: Stack) -> SecretRecord:
        return self.record

    def flags(self, stack: Stack, environment: EnvironmentName) -> State:
        return self.flags_set.get(environment, {})

    def set_flags(self, stack: Stack, environment: EnvironmentName, known: State, change: FlagChange) -> None:
        self.flags_set[environment] = known

    def set_app_flags(
        self, stack: Stack, environment: EnvironmentName, app: str, values: Mapping[str, bool], *, write: bool = True
    ) -> str:
        return ""

    def disk_samples(self) -> list[Sample]:
        return self.samples

    def add_disk_sample(self, sample: Sample) -> list[Sample]:
        if self.free == 0:
            raise OSError(28, "No space left on device")
        self.samples.append(sample)
        return self.samples

    def searched(self, stack: Stack) -> dict[str, str]:
        return self.clean

    def set_searched(self, stack: Stack, known: Mapping[str, str]) -> None:
        self.clean = dict(known)

    def set_secret_record(self, stack: Stack, record: SecretRecord) -> None:
        self.record = record

    def write_build(self, home: str, compose: dict[str, Any], secrets: Mapping[str, str]) -> str:
        with self.world.change("store build"):
            self.files[f"{home}/build.json"] = json.loads(json.dumps(compose))
            self.build_secrets = dict(secrets)
        return f"{home}/build.json"

    def free_bytes(self) -> int:
        return self.free
