# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an app's code comes from, and what is looked for in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..planning.deploy import SourceEntry
    from ..planning.source_view import Build, SourceFile, SourceText
    from ..stack.model import EnvironmentName, Stack


class GitPort(Protocol):
    def problem(self, stack: Stack) -> str: ...
    def fetch(self, stack: Stack) -> None: ...
    def resolve(self, stack: Stack, names: Collection[str]) -> dict[str, str]: ...
    def entries(self, stack: Stack, commit: str, paths: Collection[str]) -> dict[str, SourceEntry]: ...

    def files(self, stack: Stack, commit: str, folders: Collection[str]) -> list[SourceFile]: ...
    def contents(self, stack: Stack, numbers: Sequence[str]) -> dict[str, bytes]: ...

    def texts(
        self, stack: Stack, commit: str, folders: Collection[str], wanted: Callable[[str, int], bool]
    ) -> Iterator[SourceText]: ...

    def sweep(self, stack: Stack) -> None: ...
    def lay_out(self, stack: Stack, commit: str, builds: Sequence[Build]) -> AbstractContextManager[str]: ...

    def show(self, stack: Stack, commit: str, reserved: Collection[str]) -> str: ...


class IntakePort(Protocol):
    """New connections to the apps of an environment."""

    def hold(self, stack: str, environment: EnvironmentName, ports: Collection[int], seconds: float) -> str: ...
    def admit(self, stack: str, environment: EnvironmentName) -> None: ...
    def connections(self, ports: Collection[int]) -> int: ...
    def waiting(self, pids: Collection[int]) -> int: ...


class ScannerPort(Protocol):
    def version(self) -> str: ...
    def scan(self, directory: str) -> list[tuple[str, str]]: ...


class NoScanner:
    """A host without gitleaks."""

    def version(self) -> str:
        return ""

    def scan(self, directory: str) -> list[tuple[str, str]]:
        return []
