# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and hooks as people write them, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_definition, shop_with_jobs

from release.errors import RefusedError
from release.stack.model import ENVIRONMENTS
from release.stack.reader import read_stack


def with_job(**job: Any) -> dict[str, Any]:
    definition = shop_definition()
    definition["apps"]["digest"] = {"kind": "job", "image_of": "api", **job}
    return definition


def problems(definition: dict[str, Any]) -> list[str]:
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    return [str(problem) for problem in refused.value.problems]


def test_a_job_runs_the_image_of_an_app_or_its_own() -> None:
    stack = read_stack("shop", shop_with_jobs())
    digest, report = stack.apps["digest"], stack.apps["report"]
    assert digest.is_job and not digest.is_web and digest.builder == "api"
    assert (digest.schedule, digest.timeout_seconds) == ("Mon..Fri 06:00 Asia/Seoul", 3600)
    assert (report.builder, report.environments, report.timeout_seconds) == ("report", ("production",), 20)
    assert list(stack.jobs_in("staging")) == ["digest", "migrate", "smoke"]
    assert list(stack.jobs_in("production")) == ["digest", "report", "migrate", "smoke"]
    assert stack.hooks == {"before_switch": ("migrate",), "after_switch": ("smoke",)}


def test_what_was_read_can_be_read_again() -> None:
    stack = read_stack("shop", shop_with_jobs())
    written = stack.to_mapping(with_env=True)
    assert read_stack("shop", written) == stack
    assert "environments" not in written["apps"]["digest"] and "port" not in written["apps"]["digest"]


def test_a_stack_without_jobs_is_written_as_before_there_were_any() -> None:
    written = read_stack("shop", shop_definition()).to_mapping(with_env=True)
    assert "hooks" not in written
    assert not {"schedule", "environments"} & {key for app in written["apps"].values() for key in app}


REFUSED = {
    "no image": (
        {"image_of": None},
        "stack shop.apps.digest.context: is missing",
    ),
    "never fires": (
        {"schedule": "*-02-30 06:00 UTC"},
        "stack shop.apps.digest.schedule: '*-02-30 06:00 UTC' never fires",
    ),
    "no zone": ({"schedule": "06:00"}, "stack shop.apps.digest.schedule: '06:00' names no time zone"),
    "routes": ({"routes": [{"path": "/"}]}, "stack shop.apps.digest: a job has no routes and no ports"),
    "ports": ({"port": 3000, "loopback_port": 21900}, "stack shop.apps.digest: a job has no routes and no ports"),
    "health": ({"health": "/health"}, "stack shop.apps.digest.health: is a path, and a job answers none"),
    "health command": ({"health_command": ["true"]}, "digest.health_command: has no effect on a job"),
    "check": ({"compose": {"healthcheck": {"test": ["CMD", "true"]}}}, "digest.compose.healthcheck: has no effect"),
    "after": ({"after": ["mail"]}, "stack shop.apps.digest.after: has no effect on a job"),
    "replace": ({"replace": "stop_first"}, "stack shop.apps.digest.replace: has no effect on a job"),
    "environment": ({"environments": ["qa"]}, "stack shop.apps.digest.environments: 'qa' is not an environment"),
    "nowhere": ({"environments": []}, "stack shop.apps.digest.environments: is empty"),
    "image of nothing": ({"image_of": "no"}, "stack shop.apps.digest.image_of: 'no' is not an app of this stack"),
    "too long": ({"timeout_seconds": 86401}, "stack shop.apps.digest.timeout_seconds: 86401 is out of range"),
}


@pytest.mark.parametrize(("job", "wanted"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_of_a_job(job: dict[str, Any], wanted: str) -> None:
    found = problems(with_job(**job))
    assert any(text.startswith(wanted) or wanted in text for text in found), found
    assert all("Fix: " in text for text in found), found


def test_everything_at_once() -> None:
    found = problems(with_job(schedule="often", health="/x", after=["mail"], routes=[{"path": "/digest"}]))
    assert len(found) == 4, found


def test_only_jobs_have_a_schedule_and_environments() -> None:
    definition = shop_definition()
    definition["apps"]["mail"] |= {"schedule": "daily UTC", "environments": ["staging"]}
    found = problems(definition)
    assert [text.partition(":")[0] for text in found] == [
        "stack shop.apps.mail.schedule",
        "stack shop.apps.mail.environments",
    ]


def test_a_stack_of_jobs_only_and_an_app_after_a_job() -> None:
    definition = with_job()
    definition["apps"]["mail"]["after"] = ["digest"]
    [found] = problems(definition)
    assert "mail: starts after digest, which is a job" in found
    definition["apps"] = {"digest": {"kind": "job", "context": "digest"}}
    [found] = problems(definition)
    assert "has jobs only" in found


HOOKS = {
    "unknown": ({"before_switch": ["no"]}, "hooks.before_switch: names 'no', which is no job"),
    "app": ({"after_switch": ["api"]}, "hooks.after_switch: names 'api', which is no job"),
    "twice": ({"before_switch": ["digest", "digest"]}, "hooks.before_switch: names digest twice"),
    "key": ({"before": ["digest"]}, "hooks.before: is not a known option"),
    "text": ({"before_switch": "digest"}, "hooks.before_switch: must be a list of texts"),
}


@pytest.mark.parametrize(("hooks", "wanted"), HOOKS.values(), ids=HOOKS.keys())
def test_refused_of_hooks(hooks: dict[str, Any], wanted: str) -> None:
    [found] = problems({**with_job(), "hooks": hooks})
    assert wanted in found


def test_a_hook_without_any_job_tells_what_to_add() -> None:
    [found] = problems({**shop_definition(), "hooks": {"before_switch": ["migrate"]}})
    assert "the stack has none" in found
    assert ENVIRONMENTS == ("staging", "production")
