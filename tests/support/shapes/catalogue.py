# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All shapes, by kind."""

from __future__ import annotations

from support.shapes.answers import ANSWERS, BODIES, CONNECTIONS
from support.shapes.requests import HEADERS, METHODS, TARGETS
from support.shapes.shape import Shape

GROUPS: dict[str, tuple[Shape, ...]] = {
    "Methods": METHODS,
    "Addresses": TARGETS,
    "Headers of requests": HEADERS,
    "Bodies of requests": BODIES,
    "Answers": ANSWERS,
    "Connections": CONNECTIONS,
}
#: Those that every run of the tests tries.
QUICK = tuple(shape for shapes in GROUPS.values() for shape in shapes if shape.quick)
