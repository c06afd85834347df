# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first line of the status page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fakes import pages

from release.releases.databases import DatabaseStatus
from release.releases.jobs import JobStatus
from release.releases.status import AppStatus, KeyRotationStatus
from release.rendering.page.data import PageData
from release.rendering.page.document import page
from release.rendering.page.environment import environment
from release.rendering.page.verdict import findings, verdict


def test_the_first_line_tells_the_worst() -> None:
    data = pages.no_way_back()
    assert findings(data) == ([], ["a rollback is not possible, see below"], [])
    assert "with warnings" in verdict(data) and "not possible" in page(data)
    sick = with_hub(data, healthy=False)
    assert "Needs attention" in verdict(sick)
    assert "1 of 5 not healthy" in environment(sick, "staging")
    assert ">missing</span>" in environment(with_hub(data, state="missing", healthy=False), "staging")


def test_what_waits_for_a_person_is_in_the_first_line() -> None:
    """Everything being healthy is no reason to overlook a key that still has to go out, or a message that did not."""
    data = pages.usual()
    assert findings(data) == ([], [], [])
    rotated = KeyRotationStatus(
        since="10:00", until="12:00", running=True, interrupted=False, late=False, hours_left=2, old_pair_in=()
    )
    assert findings(replace(data, status=replace(data.status, keys=rotated))) == ([], [], []), "it ends by itself"
    pending = replace(rotated, old_pair_in=("production",))
    untold = ("chat: promote of 2026-11-21 07:00 not delivered: HTTP 500",)
    page_of = replace(data, status=replace(data.status, keys=pending, notifications=untold))
    bad, warn, _busy = findings(page_of)
    assert not bad and [text.split(":")[0] for text in warn] == ["keys", "keys", "notification to chat"]
    assert "sudo onehost promote --stack shop" in warn[1] and warn[2].endswith("Fix: sudo onehost notify")
    assert "with warnings" in verdict(page_of)
    damaged = replace(data.status, damage=("release.json: is empty",))
    assert "Needs attention" in verdict(replace(data, status=damaged))


def test_a_service_that_is_not_healthy_needs_attention_once_something_is_live() -> None:
    data = pages.usual()
    sick = with_environment(data, services={"redis": AppStatus(state="exited")}, service_changes=("restart redis",))
    bad, warn, _busy = findings(sick)
    assert bad == ["staging: services that are not healthy: redis"]
    fix = "sudo onehost services --stack shop --environment staging"
    assert warn == [f"staging, not done yet: restart redis. Fix: {fix}"]
    card = environment(sick, "staging")
    assert "1 of 1 services not healthy" in card and ">exited</span>" in card
    assert "redis" in environment(data, "staging")
    # The first release starts them.
    assert findings(pages.first_day()) == ([], [], []) and "redis" not in environment(pages.first_day(), "staging")


def test_what_is_wrong_with_backups_is_broken_and_their_ages_are_shown() -> None:
    data = pages.usual()
    old = "staging database main: dump 3 d old (TOO OLD: at most 2 d)"
    away = "staging database main: nothing has arrived in the archive for 17 min, 3 attempts failed"
    lines = ("staging database main: backup 5 h old", old)
    bad = with_environment(data, backups=lines, backup_troubles=(old, away))
    assert findings(bad)[0] == [f"backup of {old}", f"backup of {away}"]
    shown = str(environment(bad, "staging"))
    assert "backup 5 h old" in shown and shown.count("TOO OLD") == 1 and "nothing has arrived" in shown
    assert "Backup" not in str(environment(data, "staging"))


def test_a_silent_database_is_broken() -> None:
    data = pages.usual()
    well = DatabaseStatus("postgresql", True, "17.12", 8_100_000, 3, 30)
    good = with_environment(data, databases={"main": well})
    assert "PostgreSQL 17.12, 8 MB, 3 of 30 connections" in environment(good, "staging")
    sick = with_environment(data, databases={"main": DatabaseStatus("postgresql", cause="refused")})
    assert findings(sick)[0] == ["staging: databases that do not answer: main"]
    assert "1 of 1 databases silent" in environment(sick, "staging")


def test_jobs_that_went_wrong_or_are_suspended_are_warnings() -> None:
    jobs = {
        "digest": JobStatus("daily UTC", outcome="failed", exit_code=3, seconds=2.0, last_at=0.0),
        "warm": JobStatus(outcome="succeeded", last_at=0.0),
        "report": JobStatus("hourly UTC", suspended="by ann: too loud"),
    }
    bad, warn, _busy = findings(with_environment(pages.usual(), jobs=jobs))
    assert bad == [] and len(warn) == 2
    assert warn[0].startswith("staging: job digest: failed in 2 s, exit code 3")
    assert warn[1] == "staging: job report: suspended by ann: too loud"


def with_hub(data: PageData, **state: Any) -> PageData:
    """The same page, with another state of one app in staging."""
    apps = data.status.environments["staging"].apps
    return with_environment(data, apps={**apps, "hub": replace(apps["hub"], **state)})


def with_environment(data: PageData, **changes: Any) -> PageData:
    """The same page, with another staging."""
    environments = data.status.environments
    environments = {**environments, "staging": replace(environments["staging"], **changes)}
    return replace(data, status=replace(data.status, environments=environments))


def test_maintenance_is_told_first() -> None:
    data = pages.usual()
    text = "production is in maintenance until 2026-11-26 20:30:00 UTC (everything), by ann: it moves"
    closed = replace(data, status=replace(data.status, maintenance=(text,)))
    assert findings(closed) == ([], [text], [])
    assert "with warnings" in verdict(closed) and "by ann: it moves" in page(closed)
