# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first line of the status page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fakes import pages

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


def with_hub(data: PageData, **state: Any) -> PageData:
    """The same page, with another state of one app in staging."""
    staging = data.status.environments["staging"]
    apps = {**staging.apps, "hub": replace(staging.apps["hub"], **state)}
    environments = {**data.status.environments, "staging": replace(staging, apps=apps)}
    return replace(data, status=replace(data.status, environments=environments))
