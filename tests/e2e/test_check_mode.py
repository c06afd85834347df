"""--check --diff tells what would change and fails on nothing, on a host as it comes and on one in use.

Playbooks of a few tasks run in one Ansible, one after the other: starting it for each took most of the time. Those with
roles run in one of their own, since what a role finds out of the host would be known to the next.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import again
from support.lab import ROOT, Lab, Result

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
ALONE = ("provision", "recover_host")
TOGETHER = tuple(name for name in PLAYBOOKS if name not in ALONE)
ALWAYS_SOMETHING = ("import_env", "rotate_jwt")
OPERATIONS = ("deploy_staging", "promote", "rollback")
#: The name of an empty play before each playbook.
MARK = "Next is "


@dataclass(frozen=True)
class Checked:
    """What ran in one Ansible, and what is not on the host as it was before."""

    whole: Result
    files: list[str]
    state: list[str]

    def part(self, name: str) -> Result:
        """What one playbook did. How much it changed is not counted: the recap is of all that ran together."""
        events = self.whole.events
        plays = {n: it["event_data"]["name"] for n, it in enumerate(events) if it["event"] == "playbook_on_play_start"}
        [begin] = [number for number, play in plays.items() if play == MARK + name]
        following = [number for number, play in plays.items() if number > begin and play.startswith(MARK)]
        mine = events[begin : following[0] if following else None]
        assert any(it["event"] == "runner_on_ok" for it in mine), f"{name} did nothing:\n{self.whole.stdout}"
        stdout = "\n".join(it["stdout"] for it in mine if it.get("stdout"))
        return Result(self.whole.rc, stdout, 0.0, mine)


class Checks:
    """Playbooks checked on one state of a lab, each when its result is asked for, and with those of its Ansible."""

    def __init__(self, lab: Lab, place: Path) -> None:
        self.lab, self.place = lab, place
        self.done: dict[tuple[str, ...], Checked] = {}

    def of(self, name: str) -> Checked:
        names = (name,) if name in ALONE else TOGETHER
        if names not in self.done:
            self.done[names] = self._check(names)
        return self.done[names]

    def _check(self, names: tuple[str, ...]) -> Checked:
        lab, playbook = self.lab, self.place / (names[0] if names != TOGETHER else "together")
        playbook.with_suffix(".yml").write_text(json.dumps([play for name in names for play in plays(name)]))
        # The first sudo leaves a mark in the home directory, whoever calls it.
        lab.ssh("sudo true && touch /tmp/before")
        before = lab.state()
        whole = lab.playbook(str(playbook), options="--check --diff").ok()
        return Checked(whole, touched(lab), lab.changes(before))


@pytest.fixture(scope="module")
def as_it_comes(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Checks:
    return Checks(lab, tmp_path_factory.mktemp("as_it_comes"))


@pytest.fixture(scope="module")
def in_use(released: Lab, tmp_path_factory: pytest.TempPathFactory) -> Checks:
    return Checks(released, tmp_path_factory.mktemp("in_use"))


def plays(name: str) -> list[dict[str, object]]:
    """A playbook as a part of another one, with a mark where it begins."""
    variables = again.VARIABLES if name == "promote" else {}
    return [
        {"name": MARK + name, "hosts": "localhost", "gather_facts": False},
        {"import_playbook": str(ROOT / "playbooks" / f"{name}.yml"), "vars": variables},
    ]


def touched(lab: Lab) -> list[str]:
    """Files and packages of the host that changed since /tmp/before; Ansible's own scratch files are not among them."""
    places = "/etc /home /opt /srv /usr /var/lib/onehost /var/lib/dpkg /run/haproxy /run/onehost"
    found = lab.ssh(
        f"sudo find {places} -xdev -newercm /tmp/before -type f -not -path '*/.ansible/*' 2>/dev/null || true"
    )
    return found.splitlines()


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_on_a_host_as_it_comes(as_it_comes: Checks, name: str) -> None:
    checked = as_it_comes.of(name)
    assert checked.files == []
    result = checked.part(name)
    assert result.failed_tasks == []
    if name == "provision":
        scripts = "Write the definition and the scripts of workhub"
        expected = {"Configure nginx", "Configure HAProxy", "Configure the Docker daemon", scripts}
        assert expected <= set(result.changed_tasks)
        assert "lab-only-session-secret" not in result.stdout
    if name in OPERATIONS:
        assert "no stack was provisioned on this host" in result.problems
        assert "onehost.release.provision" in result.problems


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_on_a_host_in_use(in_use: Checks, name: str) -> None:
    checked = in_use.of(name)
    assert not checked.state
    result = checked.part(name)
    assert result.failed_tasks == []
    if name in ALWAYS_SOMETHING:
        assert len(result.changed_tasks) == 1, "a new key pair, a new proposal: never nothing to do"
    else:
        assert result.changed_tasks == []
    # In the recap, which counts tasks under no_log too.
    assert checked.whole.changes == (0 if name in ALONE else len(ALWAYS_SOMETHING))


def test_it_tells_what_a_deploy_and_a_promote_would_do(released: Lab) -> None:
    source = released.read_source("WBFinHub/src/main.js")
    sha = released.push_commit({"WBFinHub/src/main.js": source + "// checked\n"}, branch="checked")
    before = released.state()
    result = released.playbook("deploy_staging", options="--check --diff", version="checked").ok()
    assert result.changed_tasks == ["Deploy a commit to staging"]
    assert sha[:7] in result.report["message"] and result.report["message"].startswith("would deploy")
    assert released.get("staging").release in result.stdout, "the diff shows the release before"
    assert not released.changes(before)
