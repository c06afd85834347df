"""--check --diff tells what would change and fails on nothing, on a host as it comes and on one in use."""

from __future__ import annotations

import pytest
from support.lab import ROOT, Lab

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
ALWAYS_SOMETHING = ("import_env", "rotate_jwt")
OPERATIONS = ("deploy_staging", "promote", "rollback")


@pytest.fixture
def files_untouched(lab: Lab) -> None:
    # The first sudo leaves a mark in the home directory, whoever calls it.
    lab.ssh("sudo true && touch /tmp/before")


def touched(lab: Lab) -> list[str]:
    """Files and packages of the host that changed since `files_untouched`; Ansible's own scratch files are not among
    them."""
    places = "/etc /home /opt /srv /usr /var/lib/onehost /var/lib/dpkg /run/haproxy /run/onehost"
    found = lab.ssh(
        f"sudo find {places} -xdev -newercm /tmp/before -type f -not -path '*/.ansible/*' 2>/dev/null || true"
    )
    return found.splitlines()


@pytest.mark.usefixtures("files_untouched")
@pytest.mark.parametrize("name", PLAYBOOKS)
def test_on_a_host_as_it_comes(lab: Lab, name: str) -> None:
    result = lab.playbook(name, options="--check --diff").ok()
    assert result.failed_tasks == []
    assert touched(lab) == []
    if name == "provision":
        scripts = "Write the definition and the scripts of workhub"
        expected = {"Configure nginx", "Configure HAProxy", "Configure the Docker daemon", scripts}
        assert expected <= set(result.changed_tasks)
        assert "lab-only-session-secret" not in result.stdout
    if name in OPERATIONS:
        assert "no stack was provisioned on this host" in result.problems
        assert "provision.yml" in result.problems


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_on_a_host_in_use(released: Lab, name: str) -> None:
    before = released.state()
    result = released.playbook(name, options="--check --diff").ok()
    assert result.failed_tasks == []
    assert not released.changes(before)
    if name in ALWAYS_SOMETHING:
        assert result.changes == 1, "a new key pair, a new proposal: never nothing to do"
    else:
        assert result.changes == 0, result.changed_tasks


def test_it_tells_what_a_deploy_and_a_promote_would_do(released: Lab) -> None:
    source = released.read_source("WBFinHub/src/main.js")
    sha = released.push_commit({"WBFinHub/src/main.js": source + "// checked\n"}, branch="checked")
    before = released.state()
    result = released.playbook("deploy_staging", options="--check --diff", version="checked").ok()
    assert result.changed_tasks == ["Deploy a commit to staging"]
    assert sha[:7] in result.report["message"] and result.report["message"].startswith("would deploy")
    assert released.get("staging").release in result.stdout, "the diff shows the release before"
    assert not released.changes(before)
