# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that constructs adapters: everything of this host behind the engine's ports."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..adapters.availability import AvailabilityProbe
from ..adapters.disk import Disk
from ..adapters.docker import Docker
from ..adapters.git import Git
from ..adapters.gitleaks import Gitleaks
from ..adapters.haproxy import HAProxy
from ..adapters.http_probe import Probe
from ..adapters.intake import Intake
from ..adapters.job_timers import JobTimers
from ..adapters.log_archive import LogArchive
from ..adapters.logs import Logs
from ..adapters.machine import Machine
from ..adapters.maintenance_files import MaintenanceFiles
from ..adapters.nginx import Nginx
from ..adapters.nginx_process import NginxProcess
from ..adapters.one_off import OneOff
from ..adapters.run_files import RunFiles
from ..adapters.stack_directory import StackDirectory
from ..adapters.stack_files import StackFiles
from ..adapters.stack_home import StackHome
from ..adapters.store import Store
from ..adapters.systemd_page import PageUnit
from ..adapters.systemd_timers import Timer
from ..adapters.webhooks import Webhooks
from ..operations.cleanup import Room
from ..paths import Paths
from ..ports import Host
from ..util.lazy import lazy_part

#: Adapters that few commands need, and where each is.
LATE = {
    "Asker": "..adapters.endpoints.asker",
    "BackupTimers": "..adapters.backup_timers",
    "BackupPlaces": "..adapters.backup_places",
    "Catalogs": "..adapters.catalogs",
    "Console": "..adapters.console",
    "CopiedFiles": "..adapters.copied_files",
    "PgBackRest": "..adapters.pgbackrest",
    "Postgresql": "..adapters.postgresql",
    "Restic": "..adapters.restic",
    "Restores": "..adapters.restores",
    "Salvage": "..adapters.salvage",
    "ScratchClusters": "..adapters.scratch",
    "Squawk": "..adapters.squawk",
}
#: Files that the store reads for few stacks.
LATE_FILES = ("..adapters.backup_records_file", "..adapters.rehearsals_file", "..adapters.restore_points_file")


class _Later:
    """An adapter that is made when it is first asked something."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        if "_made" not in self.__dict__:
            self._made: object = self._make()
        return getattr(self._made, name)


def _later(name: str) -> Callable[..., _Later]:
    part = lazy_part(LATE[name], __package__)
    return lambda **arguments: _Later(lambda: getattr(part, name)(**arguments))


if TYPE_CHECKING:
    from ..adapters.backup_places import BackupPlaces
    from ..adapters.backup_timers import BackupTimers
    from ..adapters.catalogs import Catalogs
    from ..adapters.console import Console
    from ..adapters.copied_files import CopiedFiles
    from ..adapters.endpoints.asker import Asker
    from ..adapters.pgbackrest import PgBackRest
    from ..adapters.postgresql import Postgresql
    from ..adapters.restic import Restic
    from ..adapters.restores import Restores
    from ..adapters.salvage import Salvage
    from ..adapters.scratch import ScratchClusters
    from ..adapters.squawk import Squawk
else:
    BackupTimers = _later("BackupTimers")
    Asker, BackupPlaces, Catalogs = _later("Asker"), _later("BackupPlaces"), _later("Catalogs")
    Console, PgBackRest, Postgresql = _later("Console"), _later("PgBackRest"), _later("Postgresql")
    Restic, Restores, ScratchClusters = _later("Restic"), _later("Restores"), _later("ScratchClusters")
    Salvage, Squawk, CopiedFiles = _later("Salvage"), _later("Squawk"), _later("CopiedFiles")


class Clock:
    """The host's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


def late_parts() -> list[ModuleType]:
    """All that is imported at its first use, imported now: for whoever installs the engine."""
    return [importlib.import_module(name, __package__) for name in (*LATE.values(), *LATE_FILES)]


def this_host() -> Host:
    """The host that this runs on."""
    paths, probe = Paths(), Probe()
    archive = LogArchive(state=paths.state)
    docker = Docker(archive=archive)
    return Host(
        paths=paths,
        docker=docker,
        router=HAProxy(),
        git=Git(state=paths.state),
        probe=probe,
        store=Store(state=paths.state),
        disk=Disk(docker=docker, state=paths.state),
        stacks=StackFiles(state=paths.state),
        directory=StackDirectory(),
        home=StackHome(state=paths.state),
        clock=Clock(),
        timer=Timer(),
        edge=Nginx(process=NginxProcess(), state=paths.state),
        maintenance=MaintenanceFiles(state=paths.state),
        one_off=OneOff(docker=docker),
        runs=RunFiles(state=paths.state),
        schedule=JobTimers(),
        console=Console(docker=docker),
        intake=Intake(),
        machine=Machine(docker=docker),
        room=Room(),
        scanner=Gitleaks(),
        availability=AvailabilityProbe(probe=probe),
        notifier=Webhooks(),
        page=PageUnit(state=paths.state),
        logs=Logs(docker=docker, archive=archive),
        endpoints=Asker(),
        database=Postgresql(),
        backups=PgBackRest(),
        backup_places=BackupPlaces(),
        backup_timer=BackupTimers(),
        copies=Restic(),
        copied=CopiedFiles(),
        catalogs=Catalogs(),
        scratch=ScratchClusters(),
        linter=Squawk(),
        restores=Restores(),
        salvage=Salvage(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )
