# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory that becomes a checkout, with the real git."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

from .conftest import Ask

BLOCK = "# BEGIN kept here by onehost.release\n/config\n/scripts\n# END kept here by onehost.release\n"


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    return {
        "path": str(tmp_path),
        "owner": getpass.getuser(),
        "source": "/srv/git/shop.git",
        "exclude": ["config", "scripts"],
    }


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(place), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_new_checkout_and_nothing_to_do(ask: Ask, wanted: dict[str, Any], tmp_path: Path) -> None:
    assert ask("checkout", check=True, **wanted)["changed"] and not (tmp_path / ".git").exists()
    first = ask("checkout", **wanted)
    assert first["changed"] and first["created"]
    assert git(tmp_path, "config", "remote.origin.url") == "/srv/git/shop.git"
    assert git(tmp_path, "config", "remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"
    assert (tmp_path / ".git" / "info" / "exclude").read_text().endswith(BLOCK)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / ".env").touch()
    assert git(tmp_path, "status", "--porcelain") == ""
    assert not ask("checkout", **wanted)["changed"]


def test_a_checkout_that_is_there_keeps_what_is_its_owners(ask: Ask, wanted: dict[str, Any], tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "remote.origin.url", "/old")
    git(tmp_path, "config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main")
    exclude = tmp_path / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("/mine\n" + BLOCK.replace("/scripts", "/other") + "/mine-too")
    (checked,) = [ask("checkout", check=True, **wanted)]
    assert checked["changed"] and git(tmp_path, "config", "remote.origin.url") == "/old"
    assert "-" not in checked["diff"]["before"].splitlines()[0] and "/other" in checked["diff"]["before"]
    assert ask("checkout", **wanted)["created"] is False
    assert git(tmp_path, "config", "remote.origin.url") == "/srv/git/shop.git"
    assert git(tmp_path, "config", "remote.origin.fetch") == "+refs/heads/main:refs/remotes/origin/main"
    assert exclude.read_text() == "/mine\n" + BLOCK + "/mine-too\n"
    assert not ask("checkout", **wanted)["changed"]
    assert not ask("checkout", **{**wanted, "source": ""})["changed"]


def test_a_token_of_before_is_not_shown(ask: Ask, wanted: dict[str, Any], tmp_path: Path) -> None:
    """Whoever takes it out of the definition does not publish it by `--diff`."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "remote.origin.url", "https://bot:ghp_s3cret@git.example.com/shop.git")
    answer = ask("checkout", **{**wanted, "source": "https://git.example.com/shop.git"})
    assert answer["changed"] and "s3cret" not in str(answer["diff"])
    assert "origin https://git.example.com/shop.git" in answer["diff"]["before"]


def test_a_source_with_names_of_the_platform(ask: Ask, wanted: dict[str, Any], tmp_path: Path) -> None:
    """Builds have a source of their own, so it is nobody's fault."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "app.yml").touch()
    git(tmp_path, "add", "config")
    assert ask("checkout", **wanted)["changed"]
    assert git(tmp_path, "ls-files") == "config/app.yml" and git(tmp_path, "remote") == "origin"


def test_what_the_owner_put_there_stops_no_provisioning(
    ask: Ask, wanted: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing depends on the checkout."""
    told: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: told.append(text))
    (tmp_path / ".git").write_text("gitdir: /nonexistent\n")
    answer = ask("checkout", **wanted)
    assert not answer["changed"] and not answer.get("failed")
    assert len(told) == 1 and told[0].startswith(f"left alone: the checkout in {tmp_path}: git -C ")
    assert "/nonexistent" in told[0]
    (tmp_path / ".git").unlink()
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".git" / "info" / "exclude").write_text("x\n" * 50_000)
    assert not ask("checkout", **wanted).get("failed") and "too much input" in told[1]
