"""Cleanup on a host with releases: whatever it removes, the way back stays."""

from __future__ import annotations

from support.lab import Lab


def test_rollback_works_after_a_cleanup_that_takes_all_it_may(released: Lab) -> None:
    first = released.get("production").release
    path = "WBFinHub/src/main.js"
    for number in (1, 2):
        released.push_commit({path: released.read_source(path) + f"// cleanup {number}\n"})
        released.operate("deploy_staging", version=released.commit()).ok()
        if number == 1:
            released.operate("promote").ok()
    second = released.get("production").release
    assert second != first
    running = released.ssh("sudo docker ps --quiet | sort")
    result = released.playbook("cleanup", free_gb=100000)
    assert result.rc != 0  # nobody has so much room
    assert "what takes the most space" in result.stdout
    assert released.ssh("sudo docker ps --quiet | sort") == running
    assert "onehost-lab/node:22" in released.ssh("sudo docker images --format '{{.Repository}}:{{.Tag}}'")
    released.operate("rollback").ok()
    assert released.get("production").release == first
    # Staging's own release was kept as well.
    released.operate("promote").ok()
    assert released.get("production").release not in (first, second)
