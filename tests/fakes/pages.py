# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data for status pages: a usual day, a first day, a bad day."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import replace
from typing import Any

from release.planning.disk_usage import BUCKET_SECONDS, KEPT_SECONDS, Sample
from release.releases.lock_holder import LockHolder
from release.releases.release import seconds_of
from release.releases.status import (
    AppStatus,
    EnvironmentStatus,
    OperationSummary,
    ReleaseSummary,
    RollbackPreview,
    StatusReport,
)
from release.rendering.page.data import DiskUse, DrillPoint, PageData

#: 21 Nov 2026, 07:01:12 UTC.
NOW = 1795244472
HOUR, DAY = 3600, 86400
MARK = "<script>alert(1)</script>"
LONG = "feature/a-branch-name-of-somebody-who-likes-to-say-everything-in-it-and-never-once-uses-a-space-" * 2


def stamp(at: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def commit(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:12]


def app(number: int, **state: Any) -> dict[str, Any]:
    usual = {"state": "running", "healthy": True, "cause": "", "restarts": 0}
    return {**usual, "image": hashlib.sha256(b"image%d" % number).hexdigest()[:12], "commit": commit(number), **state}


def environment(name: str, number: int, at: float, apps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "release": f"{stamp(at)}-{name}-{commit(number)[:7]}",
        "slot": "blue" if name == "production" else "green",
        "commit": commit(number),
        "version": "main",
        "since": stamp(at + 12),
        "via": "promote" if name == "production" else "deploy",
        "ports": (4500, 80) if name == "production" else (4400,),
        "apps": apps,
        "services": {"redis": {**app(1), "commit": ""}},
        **more,
    }


def release(name: str, number: int, at: float, status: str, **more: Any) -> dict[str, Any]:
    return {
        "release": f"{stamp(at)}-{name}-{commit(number)[:7]}",
        "environment": name,
        "status": status,
        "since": stamp(at + 15),
        "via": "promote" if name == "production" else "deploy",
        "commit": commit(number),
        "version": "main",
        "person": "ann",
        "reason": "",
        "apps": 5,
        "skipped_gates": (),
        **more,
    }


def operation(kind: str, at: float, seconds: float | None, outcome: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {
        "operation": kind,
        "environment": "staging" if kind == "deploy" else "production",
        "at": float(at),
        "seconds": seconds,
        "person": "ann",
        "reason": "",
        "outcome": outcome,
        "message": "",
        "release": "",
        **more,
    }


def samples(days: float = 7) -> list[Sample]:
    """A disk that fills as images are built, and is cleaned up now and then."""
    total = 50_000_000_000
    found: list[Sample] = []
    first = NOW - int(min(days * DAY, KEPT_SECONDS))
    for at in range(first, NOW, BUCKET_SECONDS):
        day = (at - NOW) / DAY
        if -3.1 < day < -2.9:
            continue  # the host was off
        used = 17e9 + 9e9 * ((day * 0.55) % 1) + 0.5e9 * math.sin(day * 9)
        found.append(Sample(at, total, int(total - used)))
    return found


def _usual() -> dict[str, Any]:
    names = ["hub", "sales", "finance", "onboarding", "mailer"]
    live = {name: app(4) for name in names}
    next_up = {name: app(5 if name in ("hub", "sales") else 4) for name in names}
    return {
        "stack": "shop",
        "host": "vm-1.example.com",
        "at": NOW,
        "environments": {
            "staging": environment("staging", 5, NOW - 25 * 60, next_up),
            "production": environment("production", 4, NOW - 22 * HOUR, live),
        },
        "rollback": {
            "possible": True,
            "to": f"{stamp(NOW - 3 * DAY)}-production-{commit(2)[:7]}",
            "commit": commit(2),
            "changes": [
                "hub: image 3f1c9a7be210 -> 90aa41c7d5ee",
                "finance: image 77b02de19c4f -> c2d4481be09a",
                "PUBLIC_URL: restored to the value of that release",
                "SESSION_SECRET: keeps today's value (secret)",
            ],
            "text": "",
        },
        "releases": [
            release("staging", 5, NOW - 25 * 60, "live", reason="New checkout, for QA"),
            release("production", 4, NOW - 22 * HOUR, "live", reason="Approved by QA"),
            release("staging", 4, NOW - 23 * HOUR, "previous"),
            release("production", 3, NOW - 2 * DAY, "rolled_back", person="bob", reason="Invoices with new totals"),
            release("staging", 3, NOW - 2 * DAY - HOUR, "previous", version="v1.4.0"),
            release("staging", 6, NOW - 2 * DAY - 3 * HOUR, "failed", version="try-node-24"),
            release("production", 2, NOW - 3 * DAY, "previous"),
            release("staging", 2, NOW - 3 * DAY - HOUR, "previous"),
        ],
        "operations": [
            operation("deploy", NOW - 25 * 60, 64.2, reason="New checkout, for QA"),
            operation("promote", NOW - 22 * HOUR, 24.8, reason="Approved by QA"),
            operation("promote", NOW - 22 * HOUR - 300, 0.4, "refused", message="gate soak: runs for 12 min, 15 asked"),
            operation("deploy", NOW - 23 * HOUR, 71.0),
            operation("rollback", NOW - 2 * DAY + 900, 13.1, person="bob", reason="Totals were wrong"),
            operation("promote", NOW - 2 * DAY, 25.3, person="bob", reason="Invoices with new totals"),
            operation("deploy", NOW - 2 * DAY - HOUR, 58.9, person="bob"),
            operation(
                *("deploy", NOW - 2 * DAY - 3 * HOUR, 92.7, "failed"),
                message="hub: never became healthy within 60 s: HTTP 500; everything was undone",
            ),
        ],
        "due": [],
        "flags": ["flag hub checkout_v2: off in production since 2026-11-20 by ann"],
        "notes": ["flag hub checkout_v2: off in production since 2026-11-20 by ann"],
        "free_gb": 29.4,
        "floor_gb": 20.0,
        "disk": {"total": 50_000_000_000, "free": 29_400_000_000, "lowest": 24_000_000_000, "samples": samples()},
    }


def _page(data: dict[str, Any]) -> PageData:
    environments = {
        name: EnvironmentStatus(
            **{
                **env,
                **{
                    kind: {name: AppStatus(**state) for name, state in env[kind].items()}
                    for kind in ("apps", "services")
                },
            }
        )
        for name, env in data["environments"].items()
    }
    back = data["rollback"]
    status = StatusReport(
        stack=data["stack"],
        environments=environments,
        rollback=RollbackPreview(**{**back, "changes": tuple(back.get("changes", ()))}),
        due=tuple(data["due"]),
        flags=tuple(data["flags"]),
        free_gb=data["free_gb"],
        floor_gb=data["floor_gb"],
    )
    return PageData(
        status=status,
        host=data["host"],
        at=data["at"],
        disk=DiskUse(**{**data["disk"], "samples": tuple(data["disk"]["samples"])}),
        releases=tuple(ReleaseSummary(**item) for item in data["releases"]),
        operations=tuple(OperationSummary(**item) for item in data["operations"]),
        notes=tuple(data["notes"]),
    )


def usual() -> PageData:
    """An ordinary day."""
    return _page(_usual())


def drilled() -> PageData:
    """A year of drills of one database, one of which has failed, and the first of another."""
    year = [
        DrillPoint(
            NOW - (11 - month) * 30.4 * DAY - 4 * HOUR, 40.0 + 9 * month, 30.0 + month % 3 * 10, 3600.0, 900.0, False
        )
        for month in range(12)
    ]
    year[5] = replace(year[5], recovery_seconds=None, lost_seconds=None, failed=True)
    year[8] = replace(year[8], lost_seconds=1260.0)
    first = DrillPoint(float(NOW - 300), 7.25, 12.0, 3600.0, 900.0, False)
    return replace(usual(), drills={"production main": tuple(year), "staging search": (first,)})


def neighbours() -> list[PageData]:
    """The pages of the host's other stacks: one in trouble, with a host name of its own, and one that is new."""
    bakery, library = bad_day(), first_day()
    return [
        replace(bakery, status=replace(bakery.status, stack="bakery"), address=("https", "bakery.example", 443)),
        replace(library, status=replace(library.status, stack="library"), address=("http", "", 4402)),
    ]


def first_day() -> PageData:
    """Provisioned, and nothing more."""
    data = _usual()
    nothing = {"release": "", "slot": "", "commit": "", "version": "", "since": "", "via": ""}
    for env in data["environments"].values():
        env.update(nothing, apps={name: {"state": "absent"} for name in env["apps"]})
        env.update(services={"redis": {"state": "missing"}}, service_changes=("start redis",))
    data["rollback"] = {"possible": True, "to": "", "text": "nothing is live in production"}
    data.update(releases=[], operations=[], flags=[], due=[], notes=[])
    data["disk"].update(samples=samples()[-1:], lowest=data["disk"]["free"])
    return _page(data)


def bad_day() -> PageData:
    """All at once: many apps, long names, text that must not be read as HTML, a running operation, a full disk."""
    data = _usual()
    apps = {f"service-number-{number}": app(number) for number in range(17)}
    apps["an-app-with-a-name-of-thirty-two"] = app(1, healthy=False, cause=f"HTTP 503 {MARK} {LONG}", restarts=7)
    apps["worker"] = app(1, state="restarting", healthy=False, restarts=1)
    apps["newcomer"] = {"state": "absent"}
    holder = LockHolder("promote", MARK, "laptop", "07:00:00", 7, f"{MARK} {LONG}")
    data["environments"]["production"].update(
        apps=apps,
        running_operation=holder,
        services={"redis": app(1, healthy=False, cause=f"{MARK} {LONG}", restarts=2)},
        service_changes=(f"restart redis: {MARK}",),
    )
    data["environments"]["staging"].update(
        apps=dict(apps), version=LONG, unfinished=(f"{stamp(NOW - HOUR)}-staging-deploy-4711.jsonl",)
    )
    data["rollback"]["changes"] += [f"{name}: image 3f1c9a7be210 -> 90aa41c7d5ee" for name in apps]
    data["rollback"]["changes"] += [f"A_RATHER_{'VERY_' * 12}LONG_NAME: restored to the value of that release"]
    data["releases"][0].update(
        reason=f"{MARK}<!--# include file='/etc/passwd' --> {LONG}", version=LONG, status="failed"
    )
    data["releases"][1].update(person=MARK, skipped_gates=("soak", "disk_free"), apps=1)
    data["releases"].insert(0, release("production", 7, NOW - 70, "prepared", person=f"<img src=x> {LONG}"))
    data["operations"][0].update(outcome="interrupted", seconds=None)
    data["operations"][1].update(outcome="failed", message=f"{MARK} {LONG}", seconds=4000.0)
    data["operations"].insert(0, operation("promote", NOW - 70, None, "running", person=MARK))
    data["operations"].insert(3, operation("rollback", NOW - DAY, 0.2, "nothing", message="nothing to do"))
    data["operations"].insert(3, operation("promote", NOW - DAY - 5, 31.0, "undone", message="it was undone"))
    data["due"] = ["production SESSION_SECRET is 120 days old, 90 asked", f"{MARK} is old"]
    data["notes"] += [f"secret {text}" for text in data["due"]]
    data["disk"].update(free=12_000_000_000, lowest=11_000_000_000)
    return _page(data)


def no_way_back() -> PageData:
    """A first release in production, with few samples of the disk."""
    data = _usual()
    data["rollback"] = {"possible": False, "to": "", "text": "stack shop: there is no earlier good release"}
    data["disk"]["samples"] = samples(0.2)
    assert seconds_of(stamp(NOW)) == NOW
    return _page(data)
