# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What held when it was tried first, and must go on holding: sudo, local users, ports."""

from __future__ import annotations

import pytest
from support.attacks import OTHER, PLACE, STACK, Attacked

COMMAND = "/usr/local/bin/onehost"
IMAGE = "onehost-lab/python:3"


@pytest.mark.attack("held", "alice: {words} for another's stack", "refused")
@pytest.mark.parametrize(
    "words", ["deploy", "promote", "rollback", "status", "recover", "cool", "end-overlap", "certificates", "page"]
)
def test_owners_act_on_their_own_stacks_alone(shop: Attacked, words: str) -> None:
    said = shop.onehost(*words.split(), stack=OTHER)
    assert said.code == 1 and "may not act on" in said.text, said
    shop.others_answer()


@pytest.mark.attack("held", "alice: {words}, which are the host's", "refused")
@pytest.mark.parametrize("words", ["cleanup", "notify"])
def test_owners_do_not_act_for_the_host(shop: Attacked, words: str) -> None:
    assert shop.onehost(*words.split(), stack="").code == 1


TRICKS = {
    "SUDO_USER before": f"SUDO_USER=root sudo -n {COMMAND} status --stack {OTHER}",
    "SUDO_USER as an argument": f"sudo -n SUDO_USER=root {COMMAND} status --stack {OTHER}",
    "-E": f"export SUDO_USER=root; sudo -n -E {COMMAND} status --stack {OTHER}",
    "-u ubuntu": f"sudo -n -u ubuntu {COMMAND} status --stack {OTHER}",
    "a shell": "sudo -n sh -c id",
    "another program": "sudo -n /usr/local/lib/onehost/exchange </dev/null",
    "a path": f"cd /usr/local/bin; sudo -n ./../../bin/id; sudo -n {COMMAND}/../id",
    "python": "sudo -n python3 -c 'print(1)'",
    "-i": "sudo -n -i id",
    "sudoedit": "sudoedit -n /etc/passwd",
}


@pytest.mark.attack("held", "alice's sudo: {trick}", "refused")
@pytest.mark.parametrize("trick", TRICKS)
def test_sudo_gives_nothing_else(shop: Attacked, trick: str) -> None:
    said = shop.alice(TRICKS[trick])
    assert said.code != 0 and "uid=0" not in said.out, said
    assert shop.live("production", OTHER) not in said.out


@pytest.mark.attack("held", "alice's own Python modules and settings for the command", "not used")
def test_the_command_ignores_the_caller_s_environment(shop: Attacked) -> None:
    plant = (
        "mkdir -p /tmp/evil && cd /tmp/evil && for name in json argparse os release sitecustomize usercustomize; do "
        'echo \'open("/tmp/evil/ran","a").write("x")\' >$name.py; done; chmod -R a+rwX /tmp/evil; '
        "export PYTHONPATH=/tmp/evil PYTHONSTARTUP=/tmp/evil/os.py PYTHONHOME=/tmp/evil PATH=/tmp/evil:$PATH "
        "LD_PRELOAD=/tmp/evil/x.so; printf '#!/bin/sh\\necho x >>/tmp/evil/ran\\n' | tee docker git nginx >/dev/null; "
        f"chmod +x docker git nginx; sudo -n {COMMAND} status --stack {STACK}"
    )
    try:
        said = shop.alice(plant)
        assert said.code == 0, said
        assert not shop.exists("/tmp/evil/ran")
    finally:
        shop.root("rm -rf /tmp/evil")


@pytest.mark.attack("held", "oscar, of the operators: {words}", "refused, and no root")
@pytest.mark.parametrize(
    "words",
    [
        "rollback --stack shop --release ../../etc",
        "rollback --stack shop --release .",
        "status --stack ../..",
        "deploy --stack shop --apps ../x",
        "rollback --stack shop --lock-wait -1 --release x",
    ],
)
def test_operators_get_no_further(shop: Attacked, words: str) -> None:
    said = shop.run(["sudo", "-n", "onehost", *words.split()], user="oscar")
    assert said.code in (1, 2) and "Traceback" not in said.text, said
    assert shop.run(["sudo", "-n", "id"], user="oscar").code != 0


@pytest.mark.attack("held", "users of the host: what they may read and write of the platform", "nothing of value")
def test_users_of_the_host_get_nothing(shop: Attacked) -> None:
    for user in ("nobody", "alice", "oscar"):
        writable = shop.run(
            [
                "bash",
                "-c",
                "find /etc/onehost /var/lib/onehost /run/onehost /usr/local/lib/onehost /usr/local/bin /etc/nginx"
                " /etc/haproxy /var/log/onehost -writable ! -type l 2>/dev/null | grep -v '/source/' || true",
            ],
            user=user,
        )
        # Alice's own mirror is written by her git, and root never reads it.
        assert writable.out == "", f"{user} may write {writable.out}"
        assert shop.run(["cat", "/etc/onehost/notifications.json"], user=user).code != 0
        assert shop.run(["ls", "/etc/nginx/onehost/tls"], user=user).code != 0


@pytest.mark.attack("held", "ports from outside that nobody opened", "shut")
def test_ports_from_outside(shop: Attacked) -> None:
    shop.root(
        "ip netns add visitor; ip link add veth-v type veth peer name eth0 netns visitor; ip link set veth-v up; "
        "ip addr add 192.0.2.129/25 dev veth-v; ip -n visitor link set eth0 up; "
        "ip -n visitor addr add 192.0.2.130/25 dev eth0"
    )
    try:
        with shop.background("python3", f"{PLACE}/serve.py", "0.0.0.0", "5433"):
            shop.root(
                f"docker run --detach --rm --name published --publish 9999:8000 {IMAGE} python3 -m http.server 8000"
            )
            words = ("python3", f"{PLACE}/connect.py", "192.0.2.129", "22,80,4400,4500,5433,9999,2375,8405,21000-21029")
            said = shop.run(["ip", "netns", "exec", "visitor", *words], seconds=60).ok()
        assert [line.split()[1] for line in said.out.splitlines()] == ["22", "80", "4400", "4500"]
    finally:
        shop.root("docker rm --force published; ip link del veth-v; ip netns del visitor", check=False)
