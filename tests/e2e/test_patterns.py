# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token of a well-known service in an image, found by the real gitleaks before it may be promoted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.lab import Lab

PLACE = "WBFinHub/src/token.mjs"
#: Made up, and in two parts, so that nobody finds it here.
TOKEN = "ghp_" + "x7Kq2mPzR9vTb4LwYc8NdHs3JfGa6EuQ1oXi"


@pytest.fixture
def gitleaks(released: Lab) -> Iterator[Lab]:
    """The distribution's, for this test alone."""
    released.apt("apt-get update -qq && apt-get install --yes -qq gitleaks")
    yield released
    released.apt("apt-get remove --yes -qq gitleaks")
    released.operate("deploy_staging", version=released.commit()).ok()


def test_a_promote_is_refused(gitleaks: Lab) -> None:
    before = gitleaks.get("production").release
    commit = gitleaks.push_commit({PLACE: f'export const token = "{TOKEN}";\n'}, branch="with-a-token")
    gitleaks.operate("deploy_staging", version=commit).ok()
    refused = gitleaks.operate("promote")
    assert refused.rc != 0
    assert "no_leaks" in refused.stdout
    assert "github-pat in /" in refused.stdout
    assert "token.mjs" in refused.stdout
    assert TOKEN not in refused.stdout, "where it is, never what it is"
    assert gitleaks.get("production").release == before
    # Whoever knows better may say so, and it is written down.
    passed = gitleaks.operate("promote", skip_gates="no_leaks", reason="a made-up token").ok()
    assert TOKEN not in passed.stdout
    release = gitleaks.get("production").release
    assert release != before
    assert "no_leaks" in gitleaks.ssh(f"cat /home/ubuntu/workhub/releases/{release}/release.json")
    gitleaks.operate("rollback").ok()
    assert gitleaks.get("production").release == before
