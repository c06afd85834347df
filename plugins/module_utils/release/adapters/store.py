# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases, slots and configuration on the host's disk."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..env.env_file import fingerprint, format_env
from ..env.secret_ages import SecretRecord
from ..errors import Problem
from ..hints import hint, host_command
from ..paths import (
    ACCESS_SETTINGS,
    CLEANUP_SETTINGS,
    NOTIFICATION_SETTINGS,
    PAGES,
    STATE,
    databases_of,
    env_of,
    keys_of,
    releases_of,
    services_of,
)
from ..planning.disk_usage import Sample
from ..planning.networks import Blocks
from ..planning.preflight import PROVISION
from ..releases.compose import LABEL, PRIVATE_KEY, SECRETS, key_files
from ..releases.drills import Drill
from ..releases.release import PARTIAL, STATUSES, Entry, Release
from ..releases.replicas import Scale
from ..releases.restores import Restored
from ..releases.schema import AppSchema
from ..releases.slot import StandbyNote
from ..stack.flags import FlagChange, State
from ..stack.model import ENVIRONMENTS, SLOTS, EnvironmentName, Slot, Stack
from ..stack.networks import is_block
from ..util.files import as_json, read, read_existing, sync_directory, write_atomically, write_synced
from ..util.lazy import lazy_part
from . import disk_samples, flags_file, own_files, restores_file, scales_file, schemas_file, secret_ages_file

if TYPE_CHECKING:
    from ..releases import databases
    from ..releases.backups import BackupRecord, RestorePoint
    from ..releases.databases import Kept, KeptAll
    from ..releases.rehearsal import Rehearsal
    from . import backup_records_file, rehearsals_file, restore_points_file
else:
    databases = lazy_part("..releases.databases", __package__)
    rehearsals_file = lazy_part(".rehearsals_file", __package__)
    restore_points_file = lazy_part(".restore_points_file", __package__)
    backup_records_file = lazy_part(".backup_records_file", __package__)

#: Of images and layers: five apps have some ten new ones with each release.
SEARCHED_KEPT = 1000
RECOVER = hint("recover")
#: Below the directory of a stack, each with what brings it back; without one nothing does, and nothing needs it. Those
#: of releases are listed by name.
OWN_FILES: Mapping[str, str] = {
    "searched.json": "",
    "secrets.json": PROVISION,
    "warm-*.json": "",
    "slots/*/compose.json": "none is needed, the next release in this slot writes it",
    "flags/*/turned.json": hint("flags"),
    "flags/*/*/flags.json": PROVISION,
    "keys/rotation.json": "",
    "networks.json": PROVISION,
    "databases.json": PROVISION,
    "maintenance-*.json": "",
    "replicas.json": "",
    "schemas.json": "",
    "restore_points.json": "",
    "backups.json": "",
    restores_file.RESTORED: "",
    restores_file.DRILLS: "",
    "services/*/*/*/compose.json": hint("services", where="<which>"),
}
SETTINGS_FILES: Mapping[str, type] = {ACCESS_SETTINGS: dict, CLEANUP_SETTINGS: dict, NOTIFICATION_SETTINGS: list}
#: Of the newest journals, how many are looked at.
JOURNALS = 20


class Store:
    """Everything the engine keeps in files. Written atomically and flushed; secrets 0600."""

    def __init__(self, state: str = STATE, settings: Mapping[str, type] | None = None) -> None:
        self.state = state
        #: Files of the host that provisioning wrote, each with what it holds.
        self.settings = SETTINGS_FILES if settings is None else settings

    # The history: /var/lib/onehost/<stack>/releases/<id>/

    def _release(self, stack: Stack, release: str) -> str:
        return os.path.join(releases_of(stack.name, self.state), release)

    def release_names(self, stack: str) -> list[str]:
        """The names of all releases, readable or not, oldest first; not what a kill left half-written."""
        home = releases_of(stack, self.state)
        names = sorted(os.listdir(home)) if os.path.isdir(home) else []
        return [name for name in names if not (name.endswith(PARTIAL) or name.startswith("."))]

    def releases(self, stack: str) -> list[Entry]:
        """All releases that can be read, oldest first. A status that cannot be read is `unknown`."""
        home = releases_of(stack, self.state)
        entries = []
        for name in self.release_names(stack):
            try:
                release = Release.from_json(own_files.load(os.path.join(home, name, "release.json"))[0] or {})
            except ValueError:
                continue
            if release.stack == stack and release.id == name:
                entries.append(_entry(release, os.path.join(home, name, "status.json")))
        return entries

    def restore_release(self, stack: Stack, release: Release) -> None:
        """Write what a release is once more, from what a journal knows of it. Its env files stay as they are."""
        home = self._release(stack, release.id)
        write_atomically(os.path.join(home, "compose.json"), as_json(release.services), 0o644)
        write_atomically(os.path.join(home, "release.json"), as_json(release.to_json()), 0o644)

    def write_release(
        self,
        stack: Stack,
        release: Release,
        env: Mapping[str, bytes],
        routes: bytes | None,
        pages: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write a release to a temporary folder and rename it, so that it exists completely or not at all."""
        final = self._release(stack, release.id)
        partial = final + PARTIAL
        os.makedirs(os.path.dirname(final), mode=0o755, exist_ok=True)
        if os.path.isdir(partial):
            shutil.rmtree(partial)
        os.makedirs(os.path.join(partial, "env"), mode=0o700)
        os.chmod(partial, 0o755)
        for layer, data in env.items():
            write_synced(os.path.join(partial, "env", layer), data, 0o600)
        if routes is not None:
            write_synced(os.path.join(partial, "routes.conf"), routes, 0o644)
        if pages:
            os.mkdir(os.path.join(partial, PAGES), mode=0o755)
            for name, data in pages.items():
                write_synced(os.path.join(partial, PAGES, name), data, 0o644)
            sync_directory(os.path.join(partial, PAGES))
        write_synced(os.path.join(partial, "compose.json"), as_json(release.services), 0o644)
        write_synced(os.path.join(partial, "release.json"), as_json(release.to_json()), 0o644)
        status = {"status": "prepared", "since": release.id.split("-")[0], "via": release.operation}
        write_synced(os.path.join(partial, "status.json"), as_json(status), 0o644)
        sync_directory(os.path.join(partial, "env"))
        sync_directory(partial)
        os.rename(partial, final)
        sync_directory(os.path.dirname(final))

    def release_pages(self, stack: Stack, release: str) -> dict[str, bytes]:
        """The files of its error pages, by name; those that can be read."""
        home = os.path.join(self._release(stack, release), PAGES)
        found = {}
        for name in sorted(os.listdir(home)) if os.path.isdir(home) else []:
            with contextlib.suppress(OSError):
                found[name] = read_existing(os.path.join(home, name))
        return found

    def release_env(self, stack: Stack, release: str) -> dict[str, bytes]:
        home = os.path.join(self._release(stack, release), "env")
        result = {}
        for layer in sorted(os.listdir(home)) if os.path.isdir(home) else []:
            with contextlib.suppress(OSError):  # whoever needs it sees that it is missing
                result[layer] = read_existing(os.path.join(home, layer))
        return result

    def release_routes(self, stack: Stack, release: str) -> bytes | None:
        """The edge's routes that were stored with the release."""
        return read(os.path.join(self._release(stack, release), "routes.conf"))

    def set_status(self, stack: Stack, entry: Entry) -> None:
        path = os.path.join(self._release(stack, entry.release.id), "status.json")
        data: dict[str, Any] = {
            "status": entry.status,
            "since": entry.since,
            "via": entry.via,
            "journal": entry.journal,
        }
        if entry.schema:
            data["schema"] = dict(entry.schema)
        write_atomically(path, as_json(data), 0o644)

    # Configuration: /var/lib/onehost/<stack>/env/ and keys/

    def config_env(self, stack: Stack, environment: EnvironmentName) -> dict[str, bytes | None]:
        """The env files as they are on the host now, by layer; None for a missing one."""
        home = env_of(stack.name, self.state)
        found = {layer: read(os.path.join(home, layer)) for layer in ("common", environment)}
        own = found[environment]
        if stack.databases and own is not None:
            given = databases.addresses(stack, environment, self.databases(stack.name))
            found[environment] = own + format_env(given, "addresses of databases").encode()
        return found

    # Where the databases are, and the passwords for them: /var/lib/onehost/<stack>/databases.json

    def databases(self, stack: str) -> dict[str, dict[str, Kept]]:
        """By environment and name. What cannot be read is left out: `troubles` names it, and provisioning makes it."""
        data = own_files.load(databases_of(stack, self.state))[0] or {}
        found = {environment: data.get(environment) for environment in ENVIRONMENTS}
        return {
            environment: {name: kept for name, one in mine.items() if (kept := databases.Kept.from_json(one))}
            for environment, mine in found.items()
            if isinstance(mine, dict)
        }

    def set_databases(self, stack: str, kept: KeptAll) -> None:
        data = {name: {database: one.to_json() for database, one in mine.items()} for name, mine in kept.items()}
        write_atomically(databases_of(stack, self.state), as_json(data), 0o600)

    def private_key(self, stack: Stack) -> bytes:
        """The private key of the stack's tokens; empty if it has none."""
        return (read(os.path.join(keys_of(stack.name, self.state), PRIVATE_KEY)) if stack.keys else None) or b""

    def key_fingerprints(self, stack: Stack) -> dict[str, str | None]:
        """A fingerprint of each key file that any app needs, by file name; None for a missing one."""
        names = sorted({name for app in stack.apps.values() for name in key_files(app)})
        result: dict[str, str | None] = {}
        for name in names:
            data = read(os.path.join(keys_of(stack.name, self.state), name))
            result[name] = None if data is None else fingerprint(data)
        return result

    def secret_record(self, stack: Stack) -> SecretRecord:
        """Since when each secret has had its value, as fingerprints: see `env.secret_ages`."""
        return secret_ages_file.load(secret_ages_file.path_of(stack, self.state))

    def set_secret_record(self, stack: Stack, record: SecretRecord) -> None:
        secret_ages_file.save(secret_ages_file.path_of(stack, self.state), record)

    # Feature flags: /var/lib/onehost/<stack>/flags/<environment>/

    def _flags(self, stack: Stack, environment: EnvironmentName) -> str:
        return os.path.join(self.state, stack.name, "flags", environment)

    def flags(self, stack: Stack, environment: EnvironmentName) -> State:
        """The feature flags that were set, with who, why and when."""
        return flags_file.load(self._flags(stack, environment))

    def set_flags(self, stack: Stack, environment: EnvironmentName, known: State, change: FlagChange) -> None:
        """Store the current overrides, and add one change to the history."""
        flags_file.save(self._flags(stack, environment), known, change)

    def set_app_flags(
        self, stack: Stack, environment: EnvironmentName, app: str, values: Mapping[str, bool], *, write: bool = True
    ) -> str:
        """Write the file that an app reads. Returns its path if that is a change, else an empty string."""
        return flags_file.save_app(self._flags(stack, environment), app, values, write=write)

    # The disk over time: /var/lib/onehost/disk.jsonl

    def _samples(self) -> str:
        return os.path.join(self.state, "disk.jsonl")

    def add_disk_sample(self, sample: Sample) -> list[Sample]:
        """Record the disk use of now. Returns the samples of the last week, oldest first."""
        return disk_samples.add(sample, self._samples())

    def disk_samples(self) -> list[Sample]:
        return disk_samples.load(self._samples())

    # Which images were searched for secrets: /var/lib/onehost/<stack>/searched.json

    def searched(self, stack: Stack) -> dict[str, str]:
        """A list that cannot be read counts as empty: the images are searched again."""
        return own_files.load(os.path.join(self.state, stack.name, "searched.json"))[0] or {}

    def set_searched(self, stack: Stack, known: Mapping[str, str]) -> None:
        path = os.path.join(self.state, stack.name, "searched.json")
        write_atomically(path, as_json(dict(list(known.items())[-SEARCHED_KEPT:])), 0o600)

    # Slots: /var/lib/onehost/<stack>/slots/<environment>-<slot>/

    def _slot(self, stack: Stack, environment: EnvironmentName, slot: Slot) -> str:
        return os.path.join(self.state, stack.name, "slots", f"{environment}-{slot}")

    def slot_compose_path(self, stack: Stack, environment: EnvironmentName, slot: Slot) -> str:
        return os.path.join(self._slot(stack, environment, slot), "compose.json")

    def slot_compose(self, stack: str, environment: EnvironmentName, slot: Slot) -> dict[str, Any]:
        """The Compose file that a slot was created from; empty if there is none that can be read."""
        return (
            own_files.load(os.path.join(self.state, stack, "slots", f"{environment}-{slot}", "compose.json"))[0] or {}
        )

    def slot_files(self, stack: Stack, environment: EnvironmentName, slot: Slot) -> dict[str, bytes]:
        """The env files that the containers of a slot were created with."""
        home = self._slot(stack, environment, slot)
        names = sorted(os.listdir(home)) if os.path.isdir(home) else []
        files = {name[len("env.") :]: read(os.path.join(home, name)) for name in names if name.startswith("env.")}
        return {name: data for name, data in files.items() if data is not None}

    def slot_release(self, stack: str, environment: EnvironmentName, slot: Slot) -> str:
        """The release that the files of a slot are of; empty if they do not say."""
        try:
            services = self.slot_compose(stack, environment, slot)["services"].values()
            return str(next(iter({service["labels"][f"{LABEL}.id"] for service in services}), ""))
        except (KeyError, TypeError, AttributeError):
            return ""

    def write_slot(
        self, stack: Stack, environment: EnvironmentName, slot: Slot, compose: dict[str, Any], env: Mapping[str, bytes]
    ) -> None:
        """Write the files that a slot is created from."""
        home = self._slot(stack, environment, slot)
        os.makedirs(home, mode=0o700, exist_ok=True)
        for name, data in env.items():
            write_atomically(os.path.join(home, f"env.{name}"), data, 0o600)
        # Left by an earlier release of this slot: a removed app, or layers from before there was a matrix.
        for old in os.listdir(home):
            if old.startswith("env.") and old[len("env.") :] not in env:
                os.remove(os.path.join(home, old))
        write_atomically(self.slot_compose_path(stack, environment, slot), as_json(compose), 0o600)

    def set_slot_compose(
        self, stack: Stack, environment: EnvironmentName, slot: Slot, compose: Mapping[str, Any]
    ) -> None:
        """Another number of containers, whose values are those that the slot has already."""
        write_atomically(self.slot_compose_path(stack, environment, slot), as_json(compose), 0o600)

    # Numbers of replicas that were asked for: /var/lib/onehost/<stack>/replicas.json

    def scales(self, stack: str) -> dict[str, dict[str, Scale]]:
        return scales_file.load(os.path.join(self.state, stack, "replicas.json"))

    def set_scales(self, stack: Stack, environment: EnvironmentName, scales: Mapping[str, Scale]) -> None:
        scales_file.save(os.path.join(self.state, stack.name, "replicas.json"), environment, scales)

    # Restores in place and drills: /var/lib/onehost/<stack>/restores.json, drills.json

    def restored(self, stack: str) -> dict[str, dict[str, list[Restored]]]:
        return restores_file.load_restored(os.path.join(self.state, stack, restores_file.RESTORED))

    def add_restored(self, stack: str, environment: EnvironmentName, database: str, restored: Restored) -> None:
        restores_file.add_restored(
            os.path.join(self.state, stack, restores_file.RESTORED), environment, database, restored
        )

    def drills(self, stack: str) -> dict[str, dict[str, list[Drill]]]:
        return restores_file.load_drills(os.path.join(self.state, stack, restores_file.DRILLS))

    def add_drill(self, stack: str, drill: Drill) -> None:
        restores_file.add_drill(os.path.join(self.state, stack, restores_file.DRILLS), drill)

    # What is known of the schemas of databases: /var/lib/onehost/<stack>/schemas.json

    def schemas(self, stack: str) -> dict[str, dict[str, AppSchema]]:
        return schemas_file.load(os.path.join(self.state, stack, schemas_file.NAME))

    def set_schema(self, stack: str, environment: EnvironmentName, app: str, schema: AppSchema) -> None:
        schemas_file.save(os.path.join(self.state, stack, schemas_file.NAME), environment, app, schema)

    # What is known of its backups: /var/lib/onehost/<stack>/backups.json

    def backup_records(self, stack: str) -> dict[str, BackupRecord]:
        return backup_records_file.load(os.path.join(self.state, stack, backup_records_file.NAME))

    def set_backup_records(self, stack: str, records: Mapping[str, BackupRecord]) -> None:
        backup_records_file.save(os.path.join(self.state, stack, backup_records_file.NAME), records)

    # Moments to which its databases can be brought back: /var/lib/onehost/<stack>/restore_points.json

    def restore_points(self, stack: str) -> dict[str, dict[str, tuple[RestorePoint, ...]]]:
        return restore_points_file.load(os.path.join(self.state, stack, restore_points_file.NAME))

    def add_restore_point(
        self, stack: str, environment: EnvironmentName, database: str, point: RestorePoint, keep_seconds: float
    ) -> None:
        path = os.path.join(self.state, stack, restore_points_file.NAME)
        restore_points_file.add(path, environment, database, point, keep_seconds)

    def rehearsals(self, stack: str) -> list[Rehearsal]:
        return rehearsals_file.load(os.path.join(self.state, stack, rehearsals_file.NAME))

    def add_rehearsal(self, stack: str, rehearsal: Rehearsal) -> None:
        rehearsals_file.add(os.path.join(self.state, stack, rehearsals_file.NAME), rehearsal)

    # Services: /var/lib/onehost/<stack>/services/<environment>/<service>/<what it is created from>/

    def _service(self, stack: Stack, environment: EnvironmentName, service: str) -> str:
        return os.path.join(services_of(stack.name, self.state), environment, service)

    def service_path(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> str:
        return os.path.join(self._service(stack, environment, service), created_from, "compose.json")

    def write_service(
        self,
        stack: Stack,
        environment: EnvironmentName,
        service: str,
        created_from: str,
        compose: dict[str, Any],
        env: bytes,
    ) -> None:
        """Write the files that a service is created from, beside those that it was created from before."""
        home = os.path.join(self._service(stack, environment, service), created_from)
        os.makedirs(home, mode=0o700, exist_ok=True)
        write_atomically(os.path.join(home, "env"), env, 0o600)
        write_atomically(os.path.join(home, "compose.json"), as_json(compose), 0o600)

    def has_service(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> bool:
        return own_files.load(self.service_path(stack, environment, service, created_from))[0] is not None

    def keep_service(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> None:
        """Remove the files of a service, except those of this state of it."""
        home = self._service(stack, environment, service)
        for name in os.listdir(home) if os.path.isdir(home) else []:
            if name != created_from:
                shutil.rmtree(os.path.join(home, name))
        if not created_from and os.path.isdir(home):
            os.rmdir(home)

    def write_build(self, home: str, compose: dict[str, Any], secrets: Mapping[str, str]) -> str:
        """Write the files of a build into its own directory, which is removed with them. Returns the Compose file."""
        os.makedirs(os.path.join(home, SECRETS), mode=0o700, exist_ok=True)
        for name, value in secrets.items():
            write_synced(os.path.join(home, SECRETS, name), value.encode(), 0o600)
        path = os.path.join(home, "build.json")
        write_synced(path, as_json(compose), 0o600)
        return path

    # The warm slot: /var/lib/onehost/<stack>/warm-<environment>.json

    def _warm(self, stack: Stack, environment: EnvironmentName) -> str:
        return os.path.join(self.state, stack.name, f"warm-{environment}.json")

    def set_warm(self, stack: Stack, environment: EnvironmentName, note: StandbyNote | None) -> None:
        """Record which slot is kept warm and until when, or that none is."""
        path = self._warm(stack, environment)
        if note is not None:
            write_atomically(path, as_json(note), 0o644)
        elif os.path.exists(path):
            os.remove(path)

    def warm(self, stack: Stack, environment: EnvironmentName) -> StandbyNote | None:
        """The note, if there is one that can be read. A slot that runs without one is stopped by its timer."""
        note = own_files.load(self._warm(stack, environment))[0] or {}
        if note.get("slot") in SLOTS and isinstance(note.get("until"), (int, float)) and "release" in note:
            return cast(StandbyNote, note)
        return None

    # The addresses of containers: /var/lib/onehost/<stack>/networks.json

    def networks(self) -> dict[str, Blocks]:
        """The blocks of all stacks on this host. One whose file cannot be read is left out; its networks are still seen
        as routes, so nobody else gets its addresses."""
        return {os.path.basename(os.path.dirname(path)): _blocks(path) for path in _glob(self.state, "*/networks.json")}

    def set_networks(self, stack: str, blocks: Blocks) -> None:
        write_atomically(os.path.join(self.state, stack, "networks.json"), as_json(dict(blocks)), 0o644)

    # What is damaged

    def troubles(self, stack: str) -> list[Problem]:
        """The engine's files of a stack and of the host that cannot be read as they should, each with its cause."""
        home = os.path.join(self.state, stack)
        releases = [os.path.join(releases_of(stack, self.state), name) for name in self.release_names(stack)]
        paths = [os.path.join(release, name) for release in releases for name in ("release.json", "status.json")]
        found = [Problem("is missing", path, RECOVER) for path in paths if not os.path.lexists(path)]
        for path in paths:
            found += own_files.problems(path, RECOVER)
        for pattern, fix in OWN_FILES.items():
            for path in _glob(home, pattern):
                found += own_files.problems(path, fix or host_command(f"rm -r {path}"))
        for path in _glob(home, "operations/*.jsonl")[-JOURNALS:]:
            found += _journal_problems(path)
        for path in _glob(self.state, f"switch/{glob.escape(stack)}-*.map"):
            found += own_files.access_problems(path)
        for path, kind in self.settings.items():
            found += own_files.problems(path, PROVISION, kind)
        return found

    def free_bytes(self) -> int:
        """Free space of the file system on which releases are stored."""
        return shutil.disk_usage(self.state).free


def _entry(release: Release, path: str) -> Entry:
    data = own_files.load(path)[0] or {}
    status = data.get("status")
    if status not in STATUSES:
        return Entry(release, "unknown")
    since, via, journal = (str(data.get(key, "")) for key in ("since", "via", "journal"))
    kept = data.get("schema")
    schema = {str(app): str(it) for app, it in kept.items()} if isinstance(kept, dict) else {}
    return Entry(release, status, since, via, journal, schema)


def _blocks(path: str) -> Blocks:
    data = own_files.load(path)[0] or {}
    return {name: data[name] for name in ENVIRONMENTS if is_block(data.get(name))}


def _glob(home: str, pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(home), pattern)))


def _journal_problems(path: str) -> list[Problem]:
    """A journal begins with a line that says which operation it is of."""
    try:
        with open(path, "rb") as file:
            first = file.readline()
    except OSError as error:
        return [Problem(f"cannot be read: {error.strerror}", path, host_command(f"rm -r {path}"))]
    try:
        whole = isinstance(json.loads(first), dict)
    except ValueError:
        whole = False
    what = "is damaged" if first else "is empty"
    return own_files.access_problems(path) if whole else [Problem(what, path, host_command(f"rm {path}"))]
