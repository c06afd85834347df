# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import a module at its first use, so that every command starts faster: what few stacks or commands need."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from ..errors import OperationError

#: The whole package, under whichever name it runs.
_PACKAGE = __name__.rpartition(".util.")[0]
_INSTALLED_AS = "release"


class _LazyModule(ModuleType):
    """Stands in for a module until one of its attributes is asked for.

    It is not put into sys.modules: whoever inspects all modules there, as test tools do, would load it by that.
    """

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self.__name__), attribute)


class _LazyPart(_LazyModule):
    """Stands in for one of the engine's own modules."""

    def __getattr__(self, attribute: str) -> Any:
        if self.__name__ not in sys.modules and _version() != _STARTED:
            raise OperationError(
                "this part of the engine was not loaded yet, and the installed engine is another one by now",
                self.__name__,
                "the host was provisioned meanwhile",
                "do it again",
            )
        return super().__getattr__(attribute)


def lazy_import(name: str) -> ModuleType:
    """A module of the standard library, imported when one of its attributes is first used."""
    return sys.modules.get(name) or _LazyModule(name)


def lazy_part(name: str, package: str) -> ModuleType:
    """One of the engine's own modules, likewise. `name` is relative to `package`, with its dots.

    Raises OperationError at its first use if the engine was replaced since it was started: two versions do not mix.
    Where the engine is not installed but travels with a module of Ansible, it is imported now: what carries out an
    operation there is a forked process, which outlives the archive or the connection that modules come from.
    """
    absolute = importlib.util.resolve_name(name, package)
    if _PACKAGE != _INSTALLED_AS or _STARTED is None:
        return importlib.import_module(absolute)
    return sys.modules.get(absolute) or _LazyPart(absolute)


def _version() -> Any:
    """What tells an installed engine from the one that replaces it; None if it is not installed, but in an archive."""
    package = sys.modules[_PACKAGE]
    loader = package.__spec__.loader if package.__spec__ else None
    stats = getattr(loader, "path_stats", None)
    try:
        return stats(package.__file__) if stats else None
    except OSError:
        return "gone"


_STARTED = _version()
