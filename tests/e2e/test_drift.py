# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit and its images know of the environments, on a real host: addresses in the source, staging's own in an
image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lab import Lab

STACK = "/etc/onehost/stacks/workhub.json"
VALUES = "/var/lib/onehost/workhub/env/staging"
STAGING = "https://staging.workhub.example"
SETTINGS = {"dead": {"dead.workhub.app": "404 since November"}, "canonical": ["https://api.workhub.example/v1"]}


@pytest.fixture(scope="module")
def declared(released: Lab) -> Iterator[Lab]:
    """WorkHub with addresses of its own, as if provisioned so."""
    script = f"import json; d = json.load(open('{STACK}')); d['drift'] = {SETTINGS}; json.dump(d, open('{STACK}', 'w'))"
    released.ssh(f"sudo cp -p {STACK} {VALUES} /root/")
    released.ssh(f'sudo python3 -c "{script}"')
    released.ssh(f"sudo sed -i \"s,^PUBLIC_URL=.*,PUBLIC_URL='{STAGING}',\" {VALUES}")
    yield released
    released.ssh(f"sudo cp -p /root/workhub.json {STACK} && sudo cp -p /root/staging {VALUES}")
    released.operate("deploy_staging", version=released.commit()).ok()


def test_drift(declared: Lab, tmp_path: Path) -> None:
    declared.push_commit({"docs/old.md": "See https://dead.workhub.app/v1\n"}, branch="drift")
    refused = declared.ssh("sudo onehost deploy --version drift || echo refused", seconds=300)
    assert "docs/old.md:1" in refused and "is dead: 404 since November" in refused
    assert "use https://api.workhub.example/v1" in refused and refused.rstrip().endswith("refused")
    report = declared.playbook("drift", version="drift", json=str(tmp_path / "drift.json"))
    assert report.rc != 0 and "https://dead.workhub.app/v1 is dead" in report.stdout
    findings = json.loads((tmp_path / "drift.json").read_text())["findings"]
    assert [one["file"] for one in findings if one["error"]] == ["docs/old.md"]


def test_an_image_that_knows_staging(declared: Lab) -> None:
    """One image of several in one export, by its digests as this Docker writes them."""
    commit = declared.push_commit({"WBFinHub/src/api.mjs": f"export const api = '{STAGING}/v1';\n"}, branch="built-in")
    deployed = declared.ssh(f"sudo onehost deploy --version {commit}", seconds=300)
    assert "wbfinhub holds PUBLIC_URL of staging in /" in deployed and "it cannot be promoted" in deployed
    refused = declared.ssh("sudo onehost promote || echo refused", seconds=300)
    assert "wbfinhub holds PUBLIC_URL of staging in /" in refused and "api.mjs" in refused
    assert refused.count("holds PUBLIC_URL") == refused.count("wbfinhub holds PUBLIC_URL"), "no other app's"
