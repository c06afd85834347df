# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All ports of one host together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .backups import (
    BackupPlacesPort,
    BackupsPort,
    BackupTimerPort,
    CopiedPort,
    CopiesPort,
    NoBackupPlaces,
    NoBackups,
    NoBackupTimer,
    NoCopied,
    NoCopies,
)
from .containers import ConsolePort, DockerPort, OneOffPort, RunsPort, SchedulePort
from .databases import CatalogPort, DatabasePort, LinterPort, NoCatalogs, NoDatabases, NoLinter, NoScratch, ScratchPort
from .machine import ClockPort, DiskPort, MachinePort, NoMachine, NoRoom, RoomPort, TimerPort
from .messages import LogsPort, NoLogs, NoNotifier, NoPage, NotifierPort, PagePort
from .recovery import NoRestores, NoSalvage, RestoresPort, SalvagePort
from .source import GitPort, IntakePort, NoScanner, ScannerPort
from .state import DirectoryPort, HomePort, StacksPort, StorePort
from .traffic import (
    AvailabilityPort,
    EdgePort,
    EndpointPort,
    MaintenancePort,
    NoAvailability,
    NoEndpoints,
    ProbePort,
    RouterPort,
)

if TYPE_CHECKING:
    from ..paths import Paths


@dataclass(frozen=True)
class Host:
    """All adapters together: operations reach the host only through these."""

    paths: Paths
    docker: DockerPort
    router: RouterPort
    git: GitPort
    probe: ProbePort
    store: StorePort
    disk: DiskPort
    stacks: StacksPort
    directory: DirectoryPort
    home: HomePort
    clock: ClockPort
    timer: TimerPort
    edge: EdgePort
    maintenance: MaintenancePort
    one_off: OneOffPort
    runs: RunsPort
    schedule: SchedulePort
    console: ConsolePort
    intake: IntakePort
    machine: MachinePort = field(default_factory=NoMachine)
    room: RoomPort = field(default_factory=NoRoom)
    scanner: ScannerPort = field(default_factory=NoScanner)
    availability: AvailabilityPort = field(default_factory=NoAvailability)
    notifier: NotifierPort = field(default_factory=NoNotifier)
    page: PagePort = field(default_factory=NoPage)
    logs: LogsPort = field(default_factory=NoLogs)
    endpoints: EndpointPort = field(default_factory=NoEndpoints)
    database: DatabasePort = field(default_factory=NoDatabases)
    backups: BackupsPort = field(default_factory=NoBackups)
    backup_timer: BackupTimerPort = field(default_factory=NoBackupTimer)
    copies: CopiesPort = field(default_factory=NoCopies)
    backup_places: BackupPlacesPort = field(default_factory=NoBackupPlaces)
    copied: CopiedPort = field(default_factory=NoCopied)
    catalogs: CatalogPort = field(default_factory=NoCatalogs)
    scratch: ScratchPort = field(default_factory=NoScratch)
    linter: LinterPort = field(default_factory=NoLinter)
    restores: RestoresPort = field(default_factory=NoRestores)
    salvage: SalvagePort = field(default_factory=NoSalvage)
    #: The host's memory; 0 if it is not known.
    memory_bytes: int = 0
