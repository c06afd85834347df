# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workflows that users copy run, as shell scripts: the steps of each job in their order."""

from __future__ import annotations

from pathlib import Path

import yaml

GITHUB = "github-actions.yml"
GITLAB = "gitlab-ci.yml"
SYSTEMS = (GITHUB, GITLAB)


def scripts(path: Path) -> dict[str, str]:
    """The script of each job. What an action does is left out."""
    flow = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.name == GITHUB:
        return {
            name: "\n".join(step["run"] for step in job["steps"] if "run" in step) for name, job in flow["jobs"].items()
        }
    before = flow["default"]["before_script"]
    return {name: "\n".join([*before, *job["script"]]) for name, job in flow.items() if "script" in job}
