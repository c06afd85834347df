# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of an earlier engine is provisioned again by this one, in place and under load, and goes on from there.

The earlier engine is the last one whose modules were all in one directory. The host is set up by its own tree, taken
from this repository's history, with its own playbooks, its own locked Ansible and its own collections.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support import strategy
from support.faults import HOST_FILES, KILLED, problems
from support.lab import PLAYBOOK_SECONDS, ROOT, WATCH_SECONDS, Lab, started, until
from support.load import Load, Target, Window

pytestmark = [pytest.mark.upgrade, pytest.mark.timeout(1200)]

EARLIER = "a8e2f079eb665609827a8cd14223cbc6a6373ef4"
STACK = "workhub"
ENGINE = "/usr/local/lib/onehost"
KEYS = f"/home/ubuntu/{STACK}/config/keys"
PATHS = ("/", "/saleshub/", "/finhub/", "/onboarding/", "/hwtest/")
RATE = 100
WARM_SECONDS = 3600
WARM_NOTE = f"/var/lib/onehost/{STACK}/warm-production.json"
#: In a status report, what is not about the releases themselves.
PASSING = ("age_seconds", "running_operation", "operations")
#: Where the product puts files, apart from the data of its stacks.
PLACES = (
    "/usr/local /opt /etc/onehost /etc/systemd/system /etc/cron.* /var/spool/cron /etc/sudoers.d /etc/logrotate.d"
    " /etc/haproxy /etc/nginx /etc/docker /etc/sysctl.d /etc/tmpfiles.d /etc/apt"
)
PRODUCT = (
    f"sudo find {PLACES} -name __pycache__ -prune -o ! -type d -printf '%p %m %u %g %l\\n' | sort;"
    f" sudo find {PLACES} -name __pycache__ -prune -o -type f -exec sha256sum {{}} + | sort"
)


class EarlierTree:
    """The repository as it was at a commit, set up by its own recipe."""

    def __init__(self, place: Path, commit: str) -> None:
        self.place = place
        answer = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False, timeout=60)
        assert answer.returncode == 0, (
            f"commit {commit} is not in this clone: {answer.stderr.decode().strip()}. The test needs the history. "
            "Fix: git fetch --unshallow"
        )
        subprocess.run(["tar", "x", "--no-same-owner", "-C", str(place)], input=answer.stdout, check=True, timeout=60)
        self._run("tools/setup")

    def play(self, lab: Lab, name: str, **variables: object) -> str:
        """Run one of its playbooks on a lab to a good end. Returns what it printed."""
        words = ["ansible-playbook", "-i", "inventories/lab", f"playbooks/{name}.yml"]
        return self._run(*words, "-e", json.dumps({"release_watch_seconds": WATCH_SECONDS} | variables), lab=lab)

    def read(self, path: str) -> bytes:
        return (self.place / path).read_bytes()

    def _run(self, *words: str, lab: Lab | None = None) -> str:
        known = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        known |= lab.environment if lab else {}
        known |= {
            "ANSIBLE_HOME": str(self.place / ".ansible"),
            # The tests' own is not known to it.
            "ANSIBLE_STRATEGY": strategy.PLAIN,
            "PATH": f"{self.place / '.venv/bin'}:{os.environ['PATH']}",
        }
        answer = subprocess.run(
            words,
            cwd=self.place,
            env=known,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PLAYBOOK_SECONDS,
        )
        assert answer.returncode == 0, f"{' '.join(words)} ended with {answer.returncode}:\n{answer.stdout}"
        return answer.stdout


@dataclass
class Snapshot:
    """The state of a host at one moment. Only `status` comes from the engine."""

    host: dict[str, Any]
    status: dict[str, Any]
    timers: set[str]
    #: Until when the old slot and the previous key are kept: what the timers' commands go by.
    notes: list[str]
    answers: dict[str, tuple[int, str]]


@dataclass
class Upgrade:
    """A lab before and after this tree provisioned it, and what visitors got meanwhile."""

    lab: Lab
    before: Snapshot
    after: Snapshot = field(init=False)
    window: Window = field(init=False)


def root(lab: Lab, *words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command as root inside the lab, with some input."""
    command = ["docker", "exec", "--interactive", lab.name, *words]
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=120)


def inspect_host(lab: Lab) -> dict[str, Any]:
    """Tags, history, slots, containers and journals, read without the engine."""
    answer = root(lab, "python3", "-", STACK, data=(HOST_FILES / "inspect_host.py").read_bytes())
    assert answer.returncode == 0, answer.stderr.decode()
    host: dict[str, Any] = json.loads(answer.stdout)
    # They come in no order, and once for each name.
    host["images"] = sorted(set(host["images"]))
    return host


def disagreements(lab: Lab) -> list[str]:
    """Whatever on the host does not agree. A slot that is kept warm may run."""
    host = inspect_host(lab)
    note = root(lab, "cat", WARM_NOTE).stdout
    warm = json.loads(note)["release"] if note else ""
    host["containers"] = [container for container in host["containers"] if container["release"] != warm]
    return problems(host)


def timers(lab: Lab) -> set[str]:
    """The product's armed timers."""
    return set(lab.ssh("systemctl list-units --plain --no-legend --type timer 'onehost-*' | cut -d' ' -f1").split())


def snapshot(lab: Lab) -> Snapshot:
    (status,) = json.loads(lab.ssh("sudo onehost status --json"))
    answers = {}
    for port in ("staging", "production", "http"):
        for path in (*PATHS, "/hwtest/battle"):
            answer = lab.get(port, path, {"Accept": "application/json"})
            answers[port + path] = answer.status, answer.release
    notes = [lab.ssh(f"sudo cat {note}") for note in (WARM_NOTE, f"{KEYS}/rotation.json")]
    return Snapshot(inspect_host(lab), status, timers(lab), notes, answers)


def covers(new: Any, old: Any) -> bool:
    """Whether a report says everything that an earlier one said, which it may do in more words."""
    if isinstance(old, dict):
        return all(key in PASSING or (key in new and covers(new[key], value)) for key, value in old.items())
    if isinstance(old, list):
        return len(new) == len(old) and all(map(covers, new, old))
    return bool(new == old)


def targets(lab: Lab) -> list[Target]:
    production = [Target(path, lab.ports["production"], path) for path in PATHS]
    posts = [Target(f"POST {path}", lab.ports["production"], f"{path}echo", method="POST") for path in PATHS]
    return production + posts + [Target(f"staging {path}", lab.ports["staging"], path) for path in PATHS]


def change(lab: Lab, name: str) -> None:
    """Push a change to the code of one app that does not change its behaviour."""
    path = "WBFinHub/src/main.js"
    lab.push_commit({path: lab.read_source(path) + f"// {name}\n"})


@pytest.fixture(scope="module")
def earlier_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two releases in production, the old slot warm, a flag off, keys rotated, and a deploy killed midway."""
    tree = EarlierTree(tmp_path_factory.mktemp("earlier"), EARLIER)
    with started("upgrade") as lab:
        tree.play(lab, "provision")
        tree.play(lab, "deploy_staging")
        tree.play(lab, "promote")
        subprocess.run([ROOT / "tools/lab", "push", "--name", lab.name, "--change", "2"], check=True, timeout=60)
        tree.play(lab, "deploy_staging")
        tree.play(lab, "promote", release_warm_seconds=WARM_SECONDS)
        tree.play(lab, "flags", flag="battle", state="off", environment="production", reason="before the upgrade")
        tree.play(lab, "rotate_jwt", overlap_hours=24)
        change(lab, "The deploy of this one is killed.")
        killer = tree.read("tests/support/host/operate.py")
        words = ("--at", "switch:done", "--kill", "--", "deploy", "--stack", STACK)
        killed = root(lab, "python3", "-", *words, data=killer)
        assert killed.returncode == KILLED, f"{killed.stdout.decode()}{killed.stderr.decode()}"
        yield lab


@pytest.fixture(scope="module")
def upgrade(earlier_host: Lab) -> Upgrade:
    upgrade = Upgrade(earlier_host, snapshot(earlier_host))
    # nginx takes over what is new in its configuration, which may close idle connections (decision 5): none is kept.
    with Load(targets(earlier_host), RATE, fresh=1) as load:
        earlier_host.playbook("provision").ok()
        upgrade.window = load.take()
    upgrade.after = snapshot(earlier_host)
    return upgrade


def test_the_host_is_one_of_the_earlier_engine(upgrade: Upgrade) -> None:
    """Otherwise the other tests prove nothing."""
    before = upgrade.before
    assert set(before.host["live"].values()) != {"none/none"}
    assert len([name for name in before.host["releases"] if "-production-" in name]) == 2
    assert len(before.host["unfinished"]) == 1
    assert {re.sub(r":\d+", "", name) for name in before.timers} == {
        f"onehost-cool-{STACK}-production.timer",
        f"onehost-end-overlap-{STACK}.timer",
        "onehost-page.timer",
    }
    assert before.answers["production/hwtest/battle"][0] == 503
    assert before.answers["staging/hwtest/battle"][0] == 200


def test_no_visitor_notices(upgrade: Upgrade) -> None:
    window = upgrade.window
    print(f"provisioned in {window.seconds:.0f} s: {window.line()}")
    assert (window.failed, window.causes) == (0, {}), window.failures
    assert window.sent > 0.9 * RATE * window.seconds
    assert [len(window.seen(upgrade.lab.ports[port])) for port in ("staging", "production")] == [1, 1]


def test_everything_goes_on(upgrade: Upgrade) -> None:
    """Containers, images, tags, history, slots, journals and armed timers are the very same."""
    before, after = upgrade.before, upgrade.after
    assert after.host == before.host
    assert after.answers == before.answers
    assert (after.timers, after.notes) == (before.timers, before.notes)


def test_the_owner_sees_everything_where_it_was_and_can_change_none_of_it(upgrade: Upgrade) -> None:
    """What the earlier engine kept in the owner's directory is root's now; in its place are links."""
    lab, home = upgrade.lab, f"/home/ubuntu/{STACK}"
    for name, target in (("releases", "releases"), ("nginx", "nginx"), ("config/keys", "keys")):
        assert lab.ssh(f"readlink {home}/{name}").strip() == f"/var/lib/onehost/{STACK}/{target}"
    strange = f"sudo find /var/lib/onehost/{STACK} ! -user root ! -name jwt_private.pem ! -path '*/page/*'"
    assert lab.ssh(f"{strange} ! -path '*/source/*'") == ""
    assert lab.ssh(f"sudo ls /var/lib/onehost/{STACK}/rejected 2>/dev/null || true") == ""
    assert lab.ssh(f"find {home} -path {home}/.git -prune -o ! -user ubuntu -print") == ""
    assert lab.ssh(f"stat -L -c '%a %u' {KEYS}/jwt_private.pem {KEYS}/jwt_public.pem").split() == [
        *("600", "10001"),
        *("644", "0"),
    ]
    assert f"{home}" not in lab.ssh("sudo nginx -T 2>/dev/null | grep include")


def test_status_says_the_same(upgrade: Upgrade) -> None:
    before, after = upgrade.before.status, upgrade.after.status
    assert before["flags"] != []
    for key in ("history", "flags", "environments"):
        assert covers(after[key], before[key]), f"{before[key]}\n{after[key]}"
    assert (after["rollback"]["possible"], after["rollback"]["to"]) == (True, before["rollback"]["to"])
    text = upgrade.lab.playbook("status").ok().stdout
    for live in upgrade.before.host["live"].values():
        assert live.partition("/")[2] in text
    assert "battle" in text and "unfinished" in text


def test_the_page_is_served_and_written(upgrade: Upgrade) -> None:
    lab = upgrade.lab
    lab.ssh("sudo systemctl start onehost-page.service")
    page = lab.get("staging", "/_onehost/")
    assert page.status == 200
    assert "This page is old" not in page.body
    assert all(live.partition("/")[2] in page.body for live in upgrade.before.host["live"].values())
    runs = lab.ssh("sudo journalctl --no-pager --unit onehost-page.service --output cat")
    assert "Traceback" not in runs, "a run met a mix of both engines"


def test_the_engine_still_knows_the_commands_of_armed_timers(upgrade: Upgrade) -> None:
    lab = upgrade.lab
    services = [name.replace(".timer", ".service") for name in upgrade.after.timers if ":" in name]
    assert len(services) == 2
    for service in services:
        shown = lab.ssh(f"systemctl show --property ExecStart --value '{service}'")
        (command,) = re.findall(r"argv\[\]=(.*?) ;", shown)
        lab.ssh(f"sudo {command}")
    assert {re.sub(r":\d+", "", name) for name in timers(lab)} == {
        re.sub(r":\d+", "", name) for name in upgrade.before.timers
    }, "both are armed again, because neither time is over"


def test_recover_finishes_a_deploy_of_the_earlier_engine(upgrade: Upgrade) -> None:
    (unfinished,) = upgrade.before.host["unfinished"]
    with Load(targets(upgrade.lab), RATE, fresh=1) as load:
        said = upgrade.lab.playbook("recover").ok().stdout
        window = load.take()
    assert window.failed == 0, window.failures
    assert "was interrupted at" in said and "it was finished" in said
    seen = inspect_host(upgrade.lab)
    assert disagreements(upgrade.lab) == []
    assert seen["live"]["staging"] == upgrade.before.host["live"]["staging"]
    assert seen["releases"][seen["live"]["staging"].partition("/")[2]]["status"] == "live"
    journal = root(upgrade.lab, "tail", "-n1", f"/var/lib/onehost/{STACK}/operations/{unfinished}")
    assert json.loads(journal.stdout)["event"] == "end"


def test_armed_timers_keep_their_time(upgrade: Upgrade) -> None:
    """An apt upgrade, which has systemd read its units again, postpones none that this engine armed."""
    lab = upgrade.lab
    moments = "systemctl show --property NextElapseUSecRealtime --value 'onehost-cool-*' 'onehost-end-overlap-*'"
    armed = lab.ssh(moments)
    assert len(re.findall(r"\d{4}-\d\d-\d\d", armed)) == 2
    lab.ssh("sudo systemctl daemon-reload")
    assert lab.ssh(moments) == armed


def test_rollback_to_an_earlier_release_then_deploy_and_promote(upgrade: Upgrade) -> None:
    lab, port = upgrade.lab, upgrade.lab.ports["production"]
    goal, old = upgrade.before.status["rollback"]["to"], upgrade.before.answers["production/"][1]
    # The routes are written anew too, so nginx takes them over as above.
    with Load(targets(lab), RATE, fresh=1) as load:
        report = lab.playbook("rollback").ok().report
        assert (report["release"], lab.get("production").release) == (goal, goal)
        assert disagreements(lab) == []
        change(lab, "The first one after the upgrade.")
        deployed = lab.playbook("deploy_staging").ok().report
        promoted = lab.playbook("promote").ok().report
        window = load.take()
    # Once: what their .dockerignore leaves out counts no longer, and the earlier engine recorded the whole folder.
    assert set(deployed["built"]) == {"wbhubmanager", "wbsaleshub", "wbfinhub", "wbonboardinghub", "hwtestagent"}
    assert set(lab.playbook("deploy_staging").ok().report["built"]) == set()
    assert (window.failed, window.causes) == (0, {}), window.failures
    # A slow answer of the release before may come after the first one of the next.
    assert list(dict.fromkeys(window.seen(port))) == [old, goal, promoted["release"]]
    assert disagreements(lab) == []
    assert upgrade.before.host["releases"].keys() < inspect_host(lab)["releases"].keys()
    assert lab.get("production", "/hwtest/battle").status == 503, "the flag outlives the upgrade and a release"


def test_the_grace_period_ends(upgrade: Upgrade) -> None:
    """Its note was written by the earlier engine."""
    lab = upgrade.lab
    (timer,) = [name for name in timers(lab) if "end-overlap" in name]
    assert lab.ssh(f"sudo cmp --silent {KEYS}/jwt_public.pem {KEYS}/jwt_public_previous.pem || echo differ")
    lab.ssh(f'sudo sed -i \'s/"until": [0-9.]*/"until": 1.0/\' {KEYS}/rotation.json')
    lab.ssh(f"sudo systemctl start '{timer.replace('.timer', '.service')}'")
    same = f"sudo cmp --silent {KEYS}/jwt_public.pem {KEYS}/jwt_public_previous.pem && echo same"
    until(lambda: lab.ssh(f"{same} || true") != "", 60, "the previous key is no longer valid")
    until(lambda: timer not in timers(lab), 30, "the timer is gone")


def test_nothing_of_the_earlier_engine_is_left(upgrade: Upgrade, provisioned: Lab) -> None:
    """File by file the upgraded host is like one that this tree provisioned from nothing."""
    upgraded, fresh = (set(lab.ssh(PRODUCT).splitlines()) for lab in (upgrade.lab, provisioned))
    assert any(f"{ENGINE}/release/" in line for line in fresh)
    assert sorted(upgraded - fresh) == [], "left over, or different"
    assert sorted(fresh - upgraded) == []
    compiled = upgrade.lab.ssh(f"sudo find {ENGINE} -name '*.pyc'").split()
    sources = set(upgrade.lab.ssh(f"sudo find {ENGINE} -name '*.py'").split())
    assert compiled
    gone = [name for name in compiled if re.sub(r"__pycache__/(\w+)\..*", r"\1.py", name) not in sources]
    assert gone == [], "compiled from modules that do not exist any more"
    directories = upgrade.lab.ssh(f"sudo find {ENGINE} -type d -empty").split()
    assert directories == []
