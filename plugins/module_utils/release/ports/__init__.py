# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports between the engine and the host: everything the engine can observe or change, as protocols.

Adapters implement them on a real host. Tests use fakes, which can make any single step fail. A port that only some
hosts have has a null object beside it.
"""

from __future__ import annotations

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
from .containers import ConsolePort, DockerPort, OneOffPort, RunsPort, SchedulePort, StreamPort
from .databases import CatalogPort, DatabasePort, LinterPort, NoCatalogs, NoDatabases, NoLinter, NoScratch, ScratchPort
from .host import Host
from .machine import ClockPort, DiskPort, MachinePort, NoMachine, NoRoom, RoomPort, TimerPort
from .messages import LogReader, LogsPort, NoLogs, NoNotifier, NoPage, NotifierPort, PagePort
from .recovery import NoRestores, NoSalvage, RestoresPort, SalvagePort
from .source import GitPort, IntakePort, NoScanner, ScannerPort
from .state import DirectoryPort, HomePort, StacksPort, StorePort, Survey
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

__all__ = [
    "AvailabilityPort",
    "BackupPlacesPort",
    "BackupTimerPort",
    "BackupsPort",
    "CatalogPort",
    "ClockPort",
    "ConsolePort",
    "CopiedPort",
    "CopiesPort",
    "DatabasePort",
    "DirectoryPort",
    "DiskPort",
    "DockerPort",
    "EdgePort",
    "EndpointPort",
    "GitPort",
    "HomePort",
    "Host",
    "IntakePort",
    "LinterPort",
    "LogReader",
    "LogsPort",
    "MachinePort",
    "MaintenancePort",
    "NoAvailability",
    "NoBackupPlaces",
    "NoBackupTimer",
    "NoBackups",
    "NoCatalogs",
    "NoCopied",
    "NoCopies",
    "NoDatabases",
    "NoEndpoints",
    "NoLinter",
    "NoLogs",
    "NoMachine",
    "NoNotifier",
    "NoPage",
    "NoRestores",
    "NoRoom",
    "NoSalvage",
    "NoScanner",
    "NoScratch",
    "NotifierPort",
    "OneOffPort",
    "PagePort",
    "ProbePort",
    "RestoresPort",
    "RoomPort",
    "RouterPort",
    "RunsPort",
    "SalvagePort",
    "ScannerPort",
    "SchedulePort",
    "ScratchPort",
    "StacksPort",
    "StorePort",
    "StreamPort",
    "Survey",
    "TimerPort",
]
