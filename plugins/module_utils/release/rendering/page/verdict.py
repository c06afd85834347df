# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status page says first: whether anything needs a person."""

from __future__ import annotations

from typing import Any

from .html import Markup, gigabytes, tag
from .parts import clip, icon


def verdict(data: dict[str, Any]) -> Markup:
    """One line that tells it all, and each thing that is to be looked at."""
    bad, warn, busy = findings(data)
    if bad:
        look, shape, text = "bad", "cross", "Needs a person"
    elif warn:
        look, shape, text = "warn", "alert", "Runs, with something to know"
    else:
        look, shape, text = "good", "check", "Everything that is live is healthy"
    if not any(env["release"] for env in data["environments"].values()) and not bad:
        look, shape, text = "none", "dash", "Nothing was released yet"
    lines = [tag("li", clip(line)) for line in [*bad, *warn, *busy]]
    title = tag("h2", icon(shape), text)
    return tag("section", title, *([tag("ul", *lines)] if lines else []), class_=f"verdict {look} whole")


def findings(data: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """What is broken, what is to be known, and what goes on now."""
    bad: list[str] = []
    warn: list[str] = []
    busy: list[str] = []
    for name in ("production", "staging"):
        env = data["environments"][name]
        sick = [app for app, state in env["apps"].items() if not state.get("healthy", True)]
        if sick:
            bad.append(f"{name}: not healthy: {', '.join(sick)}")
        if env["unfinished"]:
            bad.append(f"{name}: an operation was interrupted; ansible-playbook playbooks/recover.yml takes it up")
        holder = env["running_operation"]
        if holder:
            who = f"{holder.get('operation', 'an operation')} by {holder.get('person', 'somebody')}"
            busy.append(f"{name}: {who} is running")
    disk = data["disk"]
    if disk["free"] < data["floor_gb"] * 1e9:
        warn.append(f"disk: {gigabytes(disk['free'])} free, which is below the floor of {data['floor_gb']:g} GB")
    if not data["rollback"]["possible"] and data["environments"]["production"]["release"]:
        warn.append("a rollback is not possible, see below")
    warn += [f"secret {text}" for text in data["due"]]
    return bad, warn, busy
