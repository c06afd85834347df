# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration on a real host: nothing leaks, each container has its own keys, a wrong value goes nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lab import Lab, until

#: A pattern that matches the canaries, but not itself where it stands in a command line.
CANARY = "kanarien[v]ogel"
SECRETS = {
    "workhub_session_secret": "kanarienvogel-session $ecret 'q' #1",
    "workhub_google_client_secret": "kanarienvogel-google-&+/=",
    "workhub_demo_password": "kanarienvogel-demo",
}
KEYS = "/app/server/keys"


@pytest.fixture(scope="module")
def canaries(released: Lab) -> Iterator[tuple[Lab, str]]:
    """A whole run with canaries for secrets, at the highest verbosity; yields the lab and all that was printed."""
    released.ssh(
        "sudo systemd-run --unit=canary-argv --collect sh -c "
        "'while :; do cat /proc/[0-9]*/cmdline >> /run/canary-argv; sleep 0.2; done'"
    )
    printed = []
    for playbook in ("provision", "deploy_staging", "promote", "check_config", "status", "rollback"):
        result = released.playbook(playbook, options="-vvvv --diff", **SECRETS)
        printed.append(result.stdout)
        assert result.rc == 0, result.stdout[-3000:]
    released.ssh("sudo systemctl stop canary-argv")
    yield released, "\n".join(printed)
    # The other tests log in with the lab's own values, which go live with a release.
    released.playbook("provision", options="--tags stack").ok()
    for operation in ("deploy_staging", "promote"):
        released.operate(operation).ok()


def container(lab: Lab, app: str) -> str:
    """The live production container of an app."""
    slot = lab.ssh("cut -d' ' -f2 /var/lib/onehost/switch/workhub-production.map | cut -d/ -f1").strip()
    return f"workhub-production-{slot}-{app}-1"


def inside(lab: Lab, app: str) -> dict[str, str]:
    """The environment of the app's process, as the process has it."""
    process = "docker inspect --format '{{.State.Pid}}' " + container(lab, app)
    lines = lab.ssh(f'sudo sh -c \'tr "\\000\\n" "\\n\\001" < /proc/$({process})/environ\'').splitlines()
    return {key: value.replace("\1", "\n") for key, _, value in (line.partition("=") for line in lines) if key}


def test_nothing_is_printed(canaries: tuple[Lab, str]) -> None:
    assert "kanarienvogel" not in canaries[1]


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("argv", f"sudo grep -c '{CANARY}' -a /run/canary-argv"),
        ("the log", f"sudo journalctl --no-pager | grep -c '{CANARY}'"),
        (
            "what others may read",
            f"sudo -u nobody grep -rlsI '{CANARY}' /etc /home /var /usr/local /run /tmp /srv | wc -l",
        ),
        ("the journal of operations", f"sudo grep -rl '{CANARY}' /var/lib/onehost/workhub/operations | wc -l"),
        ("the status page", f"sudo grep -rl '{CANARY}' /var/lib/onehost/workhub/page | wc -l"),
        (
            "images",
            "for i in $(sudo docker images -q | sort -u); do sudo docker history --no-trunc $i; "
            f"sudo docker inspect $i; done | grep -c '{CANARY}'",
        ),
    ],
)
def test_nothing_is_left(canaries: tuple[Lab, str], where: str, command: str) -> None:
    assert canaries[0].ssh(f"{command} || true").split()[-1] == "0", where


def test_values_arrive_byte_for_byte_and_only_where_needed(canaries: tuple[Lab, str]) -> None:
    lab, _ = canaries
    front, other = inside(lab, "wbhubmanager"), inside(lab, "wbfinhub")
    assert front["SESSION_SECRET"] == other["SESSION_SECRET"] == SECRETS["workhub_session_secret"]
    assert front["GOOGLE_CLIENT_SECRET"] == SECRETS["workhub_google_client_secret"]
    assert {"GOOGLE_CLIENT_SECRET", "DEMO_PASSWORD", "JWT_PRIVATE_KEY"} & other.keys() == set()


def test_a_key_is_read_by_its_user_alone(canaries: tuple[Lab, str]) -> None:
    lab, _ = canaries
    name = container(lab, "wbhubmanager")
    read = f"cat {KEYS}/jwt_private.pem >/dev/null 2>&1 && echo yes || echo no"
    users = {user: lab.ssh(f"sudo docker exec -u {user} {name} sh -c '{read}'").strip() for user in (10001, 12345)}
    assert users == {10001: "yes", 12345: "no"}
    write = f"sudo docker exec -u 0 {name} sh -c 'echo x >> {KEYS}/jwt_private.pem' 2>&1 || true"
    assert "Read-only" in lab.ssh(write)
    other = container(lab, "wbfinhub")
    assert "jwt_private" not in lab.ssh(f"sudo docker exec {other} ls {KEYS}")
    assert lab.ssh("sudo -u nobody ls /home/ubuntu/workhub/config/keys 2>&1 || true").count(".pem") == 0


def test_a_wrong_value_goes_nowhere(canaries: tuple[Lab, str]) -> None:
    lab, _ = canaries
    before = lab.ssh("sudo sha256sum /home/ubuntu/workhub/config/.env.*")
    result = lab.playbook("provision", workhub_database_url="kanarienvogel://localhost", workhub_session_secret="")
    assert result.rc != 0
    assert "DATABASE_URL" in result.stdout and "SESSION_SECRET" in result.stdout
    assert "kanarienvogel" not in result.stdout
    assert lab.ssh("sudo sha256sum /home/ubuntu/workhub/config/.env.*") == before


def test_the_report_for_programs(canaries: tuple[Lab, str], tmp_path: Path) -> None:
    lab, _ = canaries
    lab.playbook("check_config", json=str(tmp_path / "c.json"), junit=str(tmp_path / "c.xml"), **SECRETS).ok()
    assert json.loads((tmp_path / "c.json").read_text())["findings"] == []
    assert 'failures="0"' in (tmp_path / "c.xml").read_text()


def me(lab: Lab, token: str) -> int:
    return lab.get("production", "/finhub/me", {"Authorization": f"Bearer {token}"}).status


def log_in(lab: Lab) -> str:
    body = json.dumps({"user": "anna", "password": SECRETS["workhub_demo_password"]})
    answer = lab.get("production", "/login", {"Content-Type": "application/json"}, method="POST", body=body)
    return str(answer.json()["token"])


def battle(lab: Lab) -> tuple[int, str]:
    """What visitors get, and what the app itself says, past the switch."""
    slot = container(lab, "hwtestagent").split("-")[2]
    port = {"blue": 20042, "green": 20043}[slot]
    said = json.loads(lab.ssh(f"curl -s http://127.0.0.1:{port}/battle"))
    answer = lab.get("production", "/hwtest/battle")
    if answer.status == 503:
        assert answer.headers["x-flag-off"] == "battle" and answer.release
    return answer.status, said["battle"]


def test_a_switch_and_a_rotation_through_deploys_and_a_reboot(canaries: tuple[Lab, str]) -> None:
    """One way for both, because a reboot takes its time."""
    lab, _ = canaries
    keys = "/home/ubuntu/workhub/config/keys"
    assert battle(lab) == (200, "on")
    switched = lab.playbook("flags", flag="battle", state="off", environment="production", reason="never ends").ok()
    assert battle(lab) == (503, "off"), "at the moment when the playbook ends"
    assert lab.get("production", "/hwtest/%62attle/x").status == 503
    assert lab.get("production", "/hwtest/battles").status == 404, "only this path and what is below it"
    assert lab.get("production", "/hwtest/").status == lab.get("staging", "/hwtest/battle").status == 200
    assert "Reload" not in switched.stdout

    before = lab.ssh(f"cat {keys}/jwt_public.pem")
    old = log_in(lab)
    lab.playbook("rotate_jwt").ok()
    assert "with the previous key pair" in lab.ssh("sudo onehost status --stack workhub")
    lab.operate("deploy_staging").ok()
    lab.operate("promote").ok()
    assert battle(lab) == (503, "off"), "a release does not turn it back"
    assert lab.ssh(f"sudo stat -c '%a %u' {keys}/jwt_private.pem").split() == ["600", "10001"]
    status = lab.ssh("sudo onehost status --stack workhub")
    assert "the previous public key is valid until" in status and "with the previous key pair" not in status
    assert "battle answers 503" in status
    new = log_in(lab)
    assert (me(lab, old), me(lab, new)) == (200, 200)

    lab.reboot()
    until(lambda: lab.get("production", "/finhub/health").status == 200, 120, "the host is back")
    until(lambda: battle(lab) == (503, "off"), 60, "the app with the switch is back too")
    timers = "systemctl list-units --plain --no-legend 'onehost-end-overlap-workhub:*.timer'"
    until(lambda: lab.ssh(timers) != "", 60, "the timer of the grace period is set again")
    timer = lab.ssh(timers).split()[0]
    assert (me(lab, old), me(lab, new)) == (200, 200)

    # Its time is over: the note is all that the host goes by.
    lab.ssh(f'sudo sed -i \'s/"until": [0-9.]*/"until": 1.0/\' {keys}/rotation.json')
    lab.ssh(f"sudo systemctl start {timer.replace('.timer', '.service')}")
    until(lambda: me(lab, old) == 401, 60, "the running container has lost the key of before")
    assert me(lab, new) == 200
    inside_now = lab.ssh(f"sudo docker exec {container(lab, 'wbfinhub')} cat {KEYS}/jwt_public_previous.pem")
    assert inside_now != before and inside_now == lab.ssh(f"cat {keys}/jwt_public.pem")
    assert "the previous public key" not in lab.ssh("sudo onehost status --stack workhub")

    lab.playbook("flags", flag="battle", state="on", environment="production").ok()
    assert battle(lab) == (200, "on")


def test_the_overlap_ends_by_its_timer(canaries: tuple[Lab, str]) -> None:
    lab, _ = canaries
    keys = "/home/ubuntu/workhub/config/keys"
    lab.playbook("rotate_jwt", overlap_hours=3 / 3600).ok()
    until(
        lambda: lab.ssh(f"cmp -s {keys}/jwt_public.pem {keys}/jwt_public_previous.pem && echo same") != "", 90, "ended"
    )
    assert "with the previous key pair" in lab.ssh("sudo onehost status --stack workhub")
