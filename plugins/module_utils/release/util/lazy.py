# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import a standard library module at its first use, so that every command starts faster."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _LazyModule(ModuleType):
    """Stands in for a module until one of its attributes is asked for.

    It is not put into sys.modules: whoever inspects all modules there, as test tools do, would load it by that.
    """

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self.__name__), attribute)


def lazy_import(name: str) -> ModuleType:
    """The module, imported when one of its attributes is first used. Not for the engine's own modules: the engine may
    be replaced while an operation runs, and a module loaded later would be of another version."""
    return sys.modules.get(name) or _LazyModule(name)
