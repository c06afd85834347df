# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands by hand: a way into one's own containers, and into nothing else."""

from __future__ import annotations

import json

import pytest
from support.attacks import OTHER, PLACE, SECRET, STACK, Attacked
from support.lab import until

APP = f"{STACK}-web"
VERBS = pytest.mark.parametrize("verb", ["run", "exec"])
#: What decides what a process may do, and where it is.
RIGHTS = "id; grep -E '^(Cap|NoNewPrivs|Seccomp)' /proc/self/status; ls /dev | sort; cut -d' ' -f2 /proc/mounts | sort"


@VERBS
@pytest.mark.attack("run", "onehost {verb} into another stack, by name, by container and by path", "refused")
def test_another_stack_s_containers(shop: Attacked, verb: str) -> None:
    others = shop.root(f"docker ps --format '{{{{.Names}}}} {{{{.ID}}}}' | grep {OTHER}").split()
    with shop.contained():
        for stack in (OTHER, f"../{OTHER}", f"{STACK}/../{OTHER}"):
            said = shop.onehost(verb, f"{OTHER}-web", "--", "id", stack=stack)
            assert said.code == 125 and "uid=" not in said.text
        for name in (*others, f"{OTHER}-web", f"../../{OTHER}/x", "/var/run/docker.sock", f"{APP}/../{OTHER}-web"):
            said = shop.onehost(verb, name, "--", "id")
            assert said.code == 125 and "is no app of release" in said.text and "uid=" not in said.text
    release = shop.live("production", OTHER)
    assert shop.onehost("run", "--release", release, APP, "--", "id").code == 125
    assert shop.onehost("runs", stack=OTHER).code == 1
    assert shop.run(["sudo", "-n", "onehost", verb, APP, "--", "id"], user="nobody").code not in (0, 125)


@VERBS
@pytest.mark.attack("run", "options of Docker's and sudo's with onehost {verb}", "refused, or words of the program")
def test_options_of_docker(shop: Attacked, verb: str) -> None:
    with shop.contained():
        for option in ("--privileged", "--user=root", "-u0", "-v/:/host", "--mount=type=bind", "--pid=host", "-it"):
            said = shop.onehost(verb, option, APP, "--", "id")
            assert said.code == 2 and "uid=" not in said.text, option
            said = shop.onehost(verb, APP, "--", option, "id")
            assert said.code in (126, 127), f"{option} was taken: {said.text}"
        for setting in ("DOCKER_HOST=tcp://192.0.2.1:1", "LD_PRELOAD=/tmp/x.so", "PYTHONPATH=/tmp"):
            said = shop.alice(f"sudo -n {setting} onehost {verb} --stack {STACK} {APP} -- id")
            assert said.code == 1 and "uid=" not in said.out
        command = f"sudo -n onehost {verb} --stack {STACK} {APP} -- printenv COMPOSE_FILE"
        said = shop.alice(f"cd /tmp; COMPOSE_FILE=/tmp/x {command}")
        assert said.code == 1 and not said.out


@VERBS
@pytest.mark.attack("run", "more rights by onehost {verb} than the app has", "the same, to the letter")
def test_rights_are_those_of_the_app(shop: Attacked, verb: str) -> None:
    app = shop.inside(RIGHTS).ok().out
    own = shop.onehost(verb, APP, "--", "bash", "-c", RIGHTS).ok().out
    lines = [line for line in own.splitlines() if not line.endswith("/docker-init")]
    assert lines == app.splitlines()
    said = shop.onehost(verb, APP, "--", "bash", "-c", "ls -A /var/run/docker.sock /var/lib/onehost /run/onehost; true")
    assert said.out == ""


@pytest.mark.attack("run", "looking for secrets in the list of processes while a command goes", "there are none")
def test_no_secret_in_the_list_of_processes(shop: Attacked) -> None:
    words = ("sudo", "-n", "onehost", "run", "--stack", STACK, APP, "--", "sleep", "4324")
    with shop.background(*words, user="alice"):
        until(lambda: shop.root("pgrep --exact --full 'sleep 4324'", check=False).strip() != "", 30, "it goes")
        shown = shop.root("cat /proc/[0-9]*/cmdline | tr '\\0' ' '", check=False)
        assert "sleep 4324" in shown and SECRET not in shown
        labels = shop.root("docker inspect --format '{{json .Config.Labels}}' $(docker ps --quiet --latest)")
        assert "release.onehost.run" in labels and SECRET not in labels
        assert not shop.dangerous_containers()
    until(lambda: not shop.root("docker ps --all --quiet --filter label=release.onehost.run"), 30, "it is gone")


@pytest.mark.attack("run", "a lock, a record and files of another person's command", "root's alone")
def test_files_of_a_command(shop: Attacked) -> None:
    assert shop.onehost("run", "--reason", "x", APP, "--", "echo", SECRET).ok().out.strip() == SECRET
    runs = f"/var/lib/onehost/{STACK}/runs"
    assert shop.alice(f"ls {runs}; cat {runs}/*").out == ""
    assert shop.root(f"grep --recursive --fixed-strings --count '{SECRET}' {runs} | grep -v :0", check=False) == ""
    newest = json.loads(shop.onehost("runs", "--number", "1", "--json").ok().out)[0]
    assert (newest["person"], newest["command"], newest["words"]) == ("alice", ["echo"], 1)


@pytest.mark.attack("run", "a program and a reason that act on the terminal of whoever lists commands", "one line")
def test_names_that_act_on_a_terminal(shop: Attacked) -> None:
    forged = "x\nproblem: forged\x1b]0;owned\x07"
    assert shop.onehost("run", "--reason", forged, APP, "--", "id").code == 125
    assert shop.onehost("run", APP, "--", forged).code == 127
    said = shop.onehost("runs", "--number", "1").ok()
    assert said.out.count("\n") == 1 and said.out.strip().isprintable()


@pytest.mark.attack("run", "the network from a command's container", "what the app reaches, and no more")
def test_what_it_reaches(shop: Attacked) -> None:
    with shop.background("python3", f"{PLACE}/serve.py", "127.0.0.1", "5433"):
        script = "exec 3<>/dev/tcp/host.docker.internal/5433 && echo REACHED"
        assert "REACHED" not in shop.onehost("run", APP, "--", "timeout", "3", "bash", "-c", script).out
    other = shop.root(
        "docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "
        f"$(docker ps --quiet --filter label=release.onehost.stack={OTHER} | head -1)"
    ).split()[0]
    script = f"exec 3<>/dev/tcp/{other}/8000 && echo REACHED"
    assert "REACHED" not in shop.onehost("run", APP, "--", "timeout", "3", "bash", "-c", script).out
    script = "exec 3<>/dev/tcp/shop-web/8000 && echo REACHED"
    assert "REACHED" in shop.onehost("run", APP, "--", "timeout", "3", "bash", "-c", script).out
