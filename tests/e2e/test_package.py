"""The artifact in a folder of somebody's own: installed, and used by name from provisioning to rollback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.lab import INVENTORY, PLAYBOOK_SECONDS, ROOT, WATCH_SECONDS, Lab
from support.package import Installation, build, copy_clone


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """The collection, and an inventory that belongs to the folder."""
    (tmp_path / "artifact").mkdir()
    artifact = build(copy_clone(tmp_path / "clone"), tmp_path / "artifact")
    # No file of the clone, or of its copy, is left to be found by chance.
    shutil.rmtree(tmp_path / "clone")
    (tmp_path / "somebody").mkdir()
    installed = Installation(tmp_path / "somebody", artifact)
    shutil.copytree(INVENTORY, installed.folder / "inventory")
    return installed


def test_from_provisioning_to_rollback_by_name(released: Lab, installation: Installation) -> None:
    def play(name: str, **options: object) -> str:
        words = ["ansible-playbook", "-i", "inventory", f"onehost.release.{name}"]
        words += [word for key, value in options.items() for word in ("-e", f"{key}={value}")]
        printed = installation.run(*words, environment=released.environment, seconds=PLAYBOOK_SECONDS)
        assert str(ROOT / "playbooks") not in printed
        return printed

    def live() -> tuple[str, str]:
        return released.get("staging").release, released.get("production").release

    # What the artifact would set up is what the clone did set up, file by file.
    state = released.state()
    assert "changed=0 " in play("provision")
    assert released.state() == state

    source = released.read_source("WBFinHub/src/main.js")
    sha = released.push_commit({"WBFinHub/src/main.js": source + "// from the artifact\n"}, branch="packaged")
    _staging, before = live()
    play("deploy_staging", version="packaged", release_watch_seconds=WATCH_SECONDS)
    assert sha[:7] in live()[0] and live()[1] == before
    play("promote", reason="by-name", release_watch_seconds=WATCH_SECONDS)
    assert sha[:7] in live()[1]
    assert live()[1] in play("status")
    play("rollback", release_watch_seconds=WATCH_SECONDS)
    assert live()[1] == before
