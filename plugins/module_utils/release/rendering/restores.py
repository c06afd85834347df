# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores as text: what one would cost, and what was done."""

from __future__ import annotations

from ..hints import hint, option
from ..planning.until import shown
from ..releases.restores import RestorePlan
from .databases import size


def lines(plan: RestorePlan) -> list[str]:
    """What would be done, one sentence a line."""
    begin = f"{plan.environment}: {plan.database} would go back to {plan.shown}"
    found = [
        f"{begin} (from backup {plan.target.label})",
        f"   lost: everything that was written {_lost(plan)}",
        f"   takes {_takes(plan)}; {size(plan.size)} are needed beside what is there, {size(plan.free)} are free",
    ]
    if plan.gaps:
        more = f", and {len(plan.gaps) - 1} more" if len(plan.gaps) > 1 else ""
        found.append(f"   BEFORE that it ends: {plan.gaps[0]}{more}; nothing that was written since comes back")
    if plan.apps:
        closed = f", and {plan.environment} is in maintenance" if plan.closes else ""
        found.append(f"   meanwhile {', '.join(plan.apps)} stop{'s' if len(plan.apps) == 1 else ''}{closed}")
    if plan.runs:
        found.append(f"   what is there now is kept: restore point {plan.point}, and the cluster of before beside it")
    else:
        found.append("   the cluster does not answer, so there is no restore point of now; its files are kept")
    found.append(f"   to do it, type the same command with {option('confirm', plan.environment)}, without --check")
    return found


def _lost(plan: RestorePlan) -> str:
    since = f"since {shown(plan.moment)}, {span(plan.lost_seconds)}"
    if plan.lost_commits is None:
        return f"{since}; nobody can be asked how much that is"
    return f"{since}: at most {plan.lost_commits:,} transactions"


def _takes(plan: RestorePlan) -> str:
    if plan.seconds is None:
        return "as long as no drill has measured yet"
    return f"about {span(plan.seconds)}, as the last drill did"


def span(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def sentence(plan: RestorePlan) -> str:
    return f"{plan.environment}: {plan.database} is back at {plan.shown}"


def done(plan: RestorePlan, seconds: float) -> list[str]:
    """What people should know once it is done."""
    found = [f"{sentence(plan)}, in {seconds:.1f} s"]
    if plan.runs:
        undo = hint("restore", where=plan.environment, point=plan.point, confirm=plan.environment)
        found.append(f"to undo it: {undo}")
    drop = hint("restore", where=plan.environment, drop=plan.aside)
    return [*found, f"the cluster of before is kept; to remove it: {drop}"]
