# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go or no-go: what must be true before staging's images may go to production. All are evaluated, with evidence."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..env.env_file import parse_env
from ..env.matrix_check import concerning
from ..env.matrix_report import summary
from ..errors import Problem
from ..hints import hint, option
from ..releases.history import GOOD, newest_first, rollback_target
from ..releases.host_state import HostState
from ..releases.release import Release, moment_of
from ..releases.runtime import Answer
from ..releases.slot import day_of
from ..stack.model import Stack
from ..stack.replicas import units
from . import config_findings

if TYPE_CHECKING:
    from ..releases.endpoints import Verdict

GATES = (
    "config",
    "staging_live",
    "staging_healthy",
    "staging_unchanged",
    "same_settings",
    "same_keys",
    "services_healthy",
    "databases_answer",
    "endpoints_hold",
    "old_addresses",
    "backups",
    "migration_safe",
    "disk_free",
    "rollback_ready",
    "not_rolled_back",
    "journal_clean",
    "soak_time",
    "promote_window",
    "no_leaks",
    "built_in_values",
)


@dataclass(frozen=True)
class Gate:
    """One check: go, no-go or skipped, and the evidence."""

    name: str
    go: bool
    evidence: str
    fix: str = ""
    skipped: bool = False

    @property
    def word(self) -> str:
        return "go" if self.go else ("skipped" if self.skipped else "NO-GO")


def evaluate(
    stack: Stack, state: HostState, health: dict[str, Answer], unfinished: list[str], skip: tuple[str, ...] = ()
) -> list[Gate]:
    """All gates of a promote. `health` is each app's answer in staging; `unfinished` names open operations."""
    gates = [
        *_config(stack, state),
        _staging_live(stack, state),
        _staging_healthy(_staging_day(stack, state), state, health),
        _staging_unchanged(stack, state),
        _same_settings(stack, state),
        _same_keys(stack, state),
        _disk(stack, state),
        _rollback_ready(state),
        _journal(unfinished),
        *_soak(stack, state),
        *_window(stack, state),
    ]
    return [Gate(g.name, g.go, g.evidence, g.fix, not g.go and g.name in skip) for g in gates]


def problems(gates: list[Gate]) -> list[Problem]:
    return [Problem(gate.evidence, f"gate {gate.name}", gate.fix) for gate in gates if not gate.go and not gate.skipped]


def not_rolled_back(state: HostState, promoted: Release, skip: tuple[str, ...] = (), *, reason: str = "") -> Gate:
    """What production was taken back from is not brought again by mistake. Images decide: a fix brings a new one. Who
    knows that something else was the cause skips this gate, and says in the history why."""
    name, live = "not_rolled_back", state.live_entry("production")
    before = live.release.images if live else {}
    brought = {app: image for app, image in promoted.images.items() if before.get(app) != image}
    # With the images that are live already it is settings or values that a rollback took back.
    known = [
        entry
        for entry in newest_first(state.entries, "production")
        if entry.status in (*GOOD, "rolled_back")
        and (not live or entry.release.id != live.release.id)
        and (
            brought.items() <= entry.release.images.items()
            if brought
            else entry.release.promoted_from == promoted.promoted_from
        )
    ]
    # The last time counts: it may have been live for good since.
    if not known or known[0].status != "rolled_back":
        return Gate(name, True, "production was not rolled back from this")
    bad = known[0].release
    what = ", ".join(brought) or "the same images with these settings"
    why = f" (reason: {bad.reason})" if bad.reason else ""
    evidence = f"production was rolled back from {bad.id}{why}, which brought {what} before"
    if name in skip and not reason:
        return Gate(
            name, False, f"{evidence}; it is skipped with a reason only", option("reason", "why it is good now")
        )
    fix = f"deploy a fix to staging ({DEPLOY}), or {hint('promote', skip_gates=name, reason='why it is good now')}"
    return Gate(name, False, evidence, fix, name in skip)


def services_healthy(health: Mapping[str, Answer], absent: Collection[str], skip: tuple[str, ...] = ()) -> list[Gate]:
    """What production's apps need beside them is ready. `health` is the answer of each service of production; those
    that are `absent` start with the promote."""
    if not health:
        return []
    sick = [f"{name} ({answer})" for name, answer in health.items() if name not in absent and answer.status != 200]
    name, evidence = "services_healthy", f"{len(health)} services of production"
    if sick:
        fix = hint("services", where="production")
        return [Gate(name, False, "not healthy in production: " + ", ".join(sick), fix, name in skip)]
    starting = f", of which {', '.join(sorted(absent))} will be started" if absent else ""
    return [Gate(name, True, evidence + starting)]


def endpoints_hold(verdicts: Sequence[Verdict], skip: tuple[str, ...] = ()) -> list[Gate]:
    """What production will promise to the outside holds in staging. Nothing is asked of a stack without endpoints."""
    if not verdicts:
        return []
    name, failed = "endpoints_hold", [verdict for verdict in verdicts if not verdict.holds]
    if not failed:
        return [Gate(name, True, f"{len(verdicts)} endpoint checks hold in staging")]
    told = "; ".join(f"{verdict.title}: {verdict.misses[0].where}: {verdict.misses[0]}" for verdict in failed[:5])
    more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
    evidence = f"{len(failed)} of {len(verdicts)} endpoint checks do not hold in staging: {told}{more}"
    return [Gate(name, False, evidence, f"{hint('verify', where='staging')} shows all of it", name in skip)]


def unknown_skips(skip: tuple[str, ...]) -> list[Problem]:
    return [
        Problem(f"{name!r} is not a gate", "skip_gates", "choose from " + ", ".join(GATES))
        for name in skip
        if name not in GATES
    ]


DEPLOY = hint("deploy_staging")


def _staging_live(stack: Stack, state: HostState) -> Gate:
    entry, live = state.live_entry("staging"), state.live["staging"]
    if entry is None or live is None:
        return Gate("staging_live", False, "nothing is live in staging", DEPLOY)
    missing = sorted(set(stack.apps) - set(entry.release.services))
    if missing:
        return Gate("staging_live", False, f"release {entry.release.id} lacks " + ", ".join(missing), DEPLOY)
    return Gate("staging_live", True, f"{entry.release.id} in {live.slot}")


def _staging_day(stack: Stack, state: HostState) -> Stack:
    """The stack as what runs in staging defines it: the inventory may have renamed its apps since."""
    entry = state.live_entry("staging")
    return day_of(entry.release, stack) if entry else stack


def _staging_healthy(stack: Stack, state: HostState, health: dict[str, Answer]) -> Gate:
    live = state.live["staging"]
    running = {c.app: c for c in state.in_slot("staging", live.slot)} if live else {}
    sick = [f"{app} ({answer})" for app, answer in sorted(health.items()) if not stack.apps[app].accepts(answer.status)]
    sick += [f"{app} ({c.state})" for app, c in sorted(running.items()) if c.state != "running" and app not in health]
    if sick:
        return Gate("staging_healthy", False, "not healthy: " + ", ".join(sick), DEPLOY)
    return Gate(
        "staging_healthy",
        bool(running),
        f"{len(running)} of {len(running)} apps healthy" if running else "nothing runs in staging",
        DEPLOY,
    )


def _staging_unchanged(stack: Stack, state: HostState) -> Gate:
    """What staging runs, what is tagged :staging and what the release says must be identical."""
    entry, live = state.live_entry("staging"), state.live["staging"]
    if entry is None or live is None:
        return Gate("staging_unchanged", False, "nothing is live in staging", DEPLOY)
    running = {c.unit: c.image for c in state.in_slot("staging", live.slot) if c.release == live.release}
    wrong = []
    for app, image in entry.release.images.items():
        wrong += [
            f"{name} runs {short_id(running.get(name, ''))} instead of {short_id(image)}"
            for name in units(app, state.count_of("staging", app))
            if app in entry.release.in_slot and running.get(name) != image
        ]
        if state.tags.get((app, "staging")) != image:
            wrong.append(
                f"{app}:staging names {short_id(state.tags.get((app, 'staging'), ''))} instead of {short_id(image)}"
            )
    if wrong:
        return Gate("staging_unchanged", False, "; ".join(wrong), DEPLOY)
    return Gate("staging_unchanged", True, f"{len(running)} running images match the tags and the release")


#: The settings of an app's container, besides its image and values.
SETTINGS = (
    "kind",
    "port",
    "health",
    "environment",
    "compose",
    "user",
    "memory",
    "cpus",
    "pids",
    "keys",
    "replace",
    "capabilities",
)
#: Those that are left out of a definition that has none.
_RARE = ("health_status", "health_host", "health_command", "volumes", "image_of", "command", "schedule", "migrate")


def changed_settings(tried: Mapping[str, Any], today: Mapping[str, Any]) -> list[str]:
    """The settings of an app's container that differ between two of its definitions."""
    known = [key for key in SETTINGS if key in tried] + list(_RARE)
    return [key for key in known if tried.get(key) != today.get(key)]


def _same_settings(stack: Stack, state: HostState) -> Gate:
    """Production's containers are made from today's settings, so staging must have tried the same ones."""
    entry = state.live_entry("staging")
    tried = entry.release.definition.get("apps", {}) if entry else {}
    today = stack.to_mapping(with_env=False)["apps"]
    changed = [
        f"{app}: {key}"
        for app in sorted(tried.keys() & today.keys())
        for key in changed_settings(tried[app], today[app])
    ]
    if changed:
        return Gate("same_settings", False, "changed since staging was deployed: " + ", ".join(changed), DEPLOY)
    return Gate("same_settings", True, f"staging runs with the same settings for {len(tried)} apps")


def _config(stack: Stack, state: HostState) -> list[Gate]:
    """Values match the matrix. Without a matrix nothing is known about values."""
    if not stack.env_matrix:
        return []
    found = concerning(config_findings.findings(stack, state), "production")
    return [Gate("config", not found, summary(found), f"{hint('check_config')} shows all of it")]


def _same_keys(stack: Stack, state: HostState) -> Gate:
    keys = {
        environment: {
            name
            for name in parse_env((state.env[environment].get(environment) or b"").decode(errors="replace"))
            # Keys that the matrix wants in one environment only, or that are optional, do not count as a difference.
            if (key := stack.env_matrix.get(name)) is None or not (key.environments or key.optional)
        }
        for environment in ("staging", "production")
    }
    only = [
        f"{key} only in {environment}"
        for environment, other in (("staging", "production"), ("production", "staging"))
        for key in sorted(keys[environment] - keys[other])
    ]
    if only:
        return Gate("same_keys", False, "; ".join(only), f"add the key to both environments, then {hint('provision')}")
    return Gate("same_keys", True, f"{len(keys['staging'])} keys in both environments")


def _disk(stack: Stack, state: HostState) -> Gate:
    free = state.free_bytes / 1e9
    return Gate(
        "disk_free",
        free >= stack.disk_floor_gb,
        f"{free:.1f} GB free, floor {stack.disk_floor_gb:g} GB",
        hint("cleanup"),
    )


def _rollback_ready(state: HostState) -> Gate:
    """After this promote a rollback leads to what is live now, so its images must be on the host."""
    entry, live = state.live_entry("production"), state.live["production"]
    if entry is None and live is not None:
        before = rollback_target(state.entries, "production", live.release, state.images)
        text = f"back to {before.release.id}" if before else "there is nothing else to roll back to"
        return Gate("rollback_ready", True, f"the record of {live.release} cannot be read; {text}")
    if entry is None:
        return Gate("rollback_ready", True, "first promote: there is nothing to roll back to yet")
    gone = sorted(app for app, image in entry.release.images.items() if image not in state.images)
    if gone:
        return Gate(
            "rollback_ready",
            False,
            f"images of {entry.release.id} are missing: " + ", ".join(gone),
            hint("deploy_staging", version=entry.release.commit[:12]),
        )
    target = rollback_target(state.entries, "production", entry.release.id)
    missing = sorted(app for app, image in target.release.images.items() if image not in state.images) if target else []
    note = f"; the one before, {target.release.id}, lacks images: " + ", ".join(missing) if target and missing else ""
    return Gate("rollback_ready", True, f"back to {entry.release.id}{note}")


def _journal(unfinished: list[str]) -> Gate:
    if unfinished:
        return Gate("journal_clean", False, "unfinished: " + ", ".join(unfinished), hint("recover"))
    return Gate("journal_clean", True, "no operation is unfinished")


def _soak(stack: Stack, state: HostState) -> list[Gate]:
    entry = state.live_entry("staging")
    if not stack.soak_minutes or entry is None:
        return []
    minutes = (state.now - moment_of(entry.since or entry.release.id).timestamp()) / 60
    return [
        Gate(
            "soak_time",
            minutes >= stack.soak_minutes,
            f"{minutes:.0f} of {stack.soak_minutes} minutes in staging",
            "wait",
        )
    ]


def _window(stack: Stack, state: HostState) -> list[Gate]:
    if not stack.promote_window:
        return []
    begin, end = stack.promote_window.split("-")
    now = datetime.datetime.fromtimestamp(state.now, datetime.timezone.utc).astimezone().strftime("%H:%M")
    inside = begin <= now <= end if begin <= end else now >= begin or now <= end
    return [Gate("promote_window", inside, f"it is {now}, the window is {stack.promote_window}", "wait for the window")]


def short_id(image: str) -> str:
    """An image ID in the short form that people know."""
    return image.removeprefix("sha256:")[:12] or "nothing"
