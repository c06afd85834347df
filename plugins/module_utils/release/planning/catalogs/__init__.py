# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two catalogs of a database, before and after a migration: what has disappeared or has become stricter."""

from __future__ import annotations

from ...releases.catalog import Catalog, Verdict
from . import columns, constraints, objects


def compare(before: Catalog, after: Catalog) -> Verdict:
    """Whether code that worked with the catalog before still works with the one after.

    Nothing is known of that code. So all that it may rely on counts: what was there must be there, and what was
    accepted must be accepted. A renamed object is one that is gone.
    """
    losses = [
        *objects.losses(before, after),
        *columns.losses(before, after),
        *constraints.losses(before, after),
    ]
    return Verdict("contract" if losses else "expand", tuple(losses))


__all__ = ["compare"]
