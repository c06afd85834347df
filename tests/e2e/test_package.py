"""The artifact in a folder of somebody's own. What follows, from deploying to rollback, is in test_readme.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.lab import INVENTORY, PLAYBOOK_SECONDS, ROOT, Lab
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


def test_it_sets_up_what_the_clone_does(released: Lab, installation: Installation) -> None:
    def play(name: str) -> str:
        words = ["ansible-playbook", "-i", "inventory", f"onehost.release.{name}"]
        printed = installation.run(*words, environment=released.environment, seconds=PLAYBOOK_SECONDS)
        assert str(ROOT / "playbooks") not in printed
        return printed

    # What the artifact would set up is what the clone does set up, file by file; tests before may have left it work.
    released.playbook("provision").ok()
    state = released.state()
    printed = play("provision")
    assert "changed=0 " in printed, printed
    assert not released.changes(state)
    assert released.get("production").release in play("status")
