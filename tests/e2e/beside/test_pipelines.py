# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines that users copy, run step by step against a host, with the limits of keys that docs/ci.md shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.lab import ROOT, Lab
from support.pipelines import GITHUB, SYSTEMS, scripts

HOST = "piped.example"
DOCKERFILE = """ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY . /srv
USER 10001
CMD ["python3", "-m", "http.server", "8000", "--directory", "/srv"]
"""
LIMITS = re.findall(
    r"^(restrict,command=.*) ssh-ed25519 AAAA\.\.\. (\w+)$", (ROOT / "docs" / "ci.md").read_text(), re.M
)


def stacks(_lab: Lab) -> dict[str, Any]:
    """Its owner has no other rights than the sudo rule for the engine."""
    return {
        "piped": {
            "directory": "/srv/piped",
            "owner": "piped",
            "source": "/srv/git/piped.git",
            "watch_seconds": 1,
            "disk_floor_gb": 1,
            "environments": {
                "staging": {"ports": [4400], "hosts": [f"staging.{HOST}"]},
                "production": {"ports": [80], "hosts": [HOST]},
            },
            "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
            "apps": {
                "piped": {
                    "context": ".",
                    "port": 8000,
                    "loopback_port": 21670,
                    "health": "/",
                    "routes": [{"path": "/"}],
                }
            },
            "endpoints": [
                {"name": "note", "path": "/note.txt", "expect": {"body": {"matches": "^good"}}, "when": ["verify"]}
            ],
        }
    }


@dataclass
class Runner:
    """A machine that runs pipelines for the stack."""

    lab: Lab
    place: Path

    def push(self, note: str) -> str:
        own = "sudo chown -R {} /srv/git/piped.git"
        self.lab.ssh(own.format("ubuntu"))
        files = {"Dockerfile": DOCKERFILE, "note.txt": f"{note} {time.time()}"}
        commit = self.lab.push_commit(files, repository="piped")
        # git trusts nobody else's repository, neither who pushes nor the owner who fetches.
        self.lab.ssh(own.format("piped"))
        return commit

    @property
    def temporary(self) -> Path:
        return self.place / "temporary"

    def key(self, environment: str) -> Path:
        return self.place / environment

    def run(self, system: str, job: str, *, key: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """A job of a pipeline, with the key of its environment or another's."""
        script = scripts(ROOT / "examples" / "workhub" / "workflows" / system)[job]
        words = self.lab.ssh_words
        (known,) = [Path(word.partition("=")[2]) for word in words if word.startswith("UserKnownHostsFile=")]
        secret, port = self.key(key or job), words[-1]
        self.temporary.mkdir(exist_ok=True)
        temporary = str(self.temporary)
        variables |= {"STACK": "piped", "PATH": os.environ["PATH"], "RUNNER_TEMP": temporary, "TMPDIR": temporary}
        if system == GITHUB:
            variables |= {"HOST": "127.0.0.1", "PORT": port, "LOGIN": "piped"}
            variables |= {"KNOWN_HOSTS": known.read_text(), "KEY": secret.read_text(), "GITHUB_RUN_ID": "17"}
            variables |= {"GITHUB_SHA": variables.pop("commit", ""), "GITHUB_OUTPUT": str(self.place / "output")}
        else:
            variables |= {"ONEHOST_HOST": "127.0.0.1", "ONEHOST_PORT": port, "ONEHOST_USER": "piped"}
            variables |= {"ONEHOST_KNOWN_HOSTS": str(known), "ONEHOST_SSH_KEY": str(secret), "CI_PIPELINE_ID": "17"}
            variables |= {"CI_COMMIT_SHA": variables.pop("commit", "")}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.place,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def staged(self, system: str) -> str:
        """The release that a pipeline remembers."""
        name, word = ("output", "release=") if system == GITHUB else ("release.env", "RELEASE=")
        return (self.place / name).read_text().splitlines()[-1].removeprefix(word)

    def live(self) -> str:
        return self.lab.get("http", "/", {"Host": HOST}).release


@pytest.fixture(scope="module")
def runner(beside: Beside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Its keys are in the owner's authorized_keys, each with the limit that the documentation shows."""
    found = Runner(beside.lab, tmp_path_factory.mktemp("runner"))
    lines = []
    for limit, environment in LIMITS:
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", environment, "-f", str(found.key(environment))]
        subprocess.run(words, check=True)
        lines.append(f"{limit} {found.key(environment).with_suffix('.pub').read_text().strip()}")
    put = (
        "sudo install -d -o piped -g piped -m 0700 ~piped/.ssh && "
        f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} | sudo tee ~piped/.ssh/authorized_keys >/dev/null && "
        "sudo chown piped: ~piped/.ssh/authorized_keys && sudo chmod 0600 ~piped/.ssh/authorized_keys"
    )
    with beside.until_stopped("piped"):
        beside.lab.ssh(put)
        yield found


def failures(runner: Runner, environment: str) -> int:
    (suite,) = ET.parse(runner.place / f"endpoints-{environment}.xml").getroot()
    assert int(suite.get("tests", "0")) == 1
    return int(suite.get("failures", "0"))


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_commit_goes_live_once_it_is_approved(runner: Runner, system: str) -> None:
    commit = runner.push("good")
    done = runner.run(system, "staging", commit=commit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert failures(runner, "staging") == 0 and "1 endpoint checks hold" in done.stderr
    staged = runner.staged(system)
    assert staged.endswith(commit[:7])
    # Somebody else has deployed since, or what was verified is not known: neither is promoted.
    for other in ("20260101T000000Z-staging-0000000", ""):
        refused = runner.run(system, "production", RELEASE=other)
        assert refused.returncode == 1 and f"staging has {staged} by now" in refused.stderr
    done = runner.run(system, "production", RELEASE=staged)
    assert done.returncode == 0, done.stdout + done.stderr
    assert failures(runner, "production") == 0 and runner.live().endswith(staged[-7:])
    history = runner.lab.ssh("sudo onehost status --stack piped")
    assert "piped" in history and "ci:17" in history
    assert "PRIVATE" not in done.stdout + done.stderr
    assert not list(runner.temporary.iterdir()), "neither a key nor a known host is left on the runner"


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_broken_promise_ends_the_pipeline_with_its_report(runner: Runner, system: str) -> None:
    done = runner.run(system, "staging", commit=runner.push("bad"))
    assert done.returncode == 1 and failures(runner, "staging") == 1
    assert "1 of 1 endpoint checks do not hold" in done.stderr and "expected a match of '^good'" in done.stderr


def test_a_key_does_what_its_environment_needs_and_nothing_else(runner: Runner) -> None:
    before = runner.live()
    words = [*(word for word in runner.lab.ssh_words if word != "-i"), "-o", "LogLevel=ERROR"]
    words.remove(runner.lab.ssh_words[2])
    for environment, commands in {
        "staging": ["promote --stack piped", "rollback --stack piped", "run piped -- id", "deploy"],
        "production": ["deploy --stack piped", "run piped -- id", "promote"],
    }.items():
        for command in (*(f"sudo -n onehost {it}" for it in commands), "id", "", "sudo -n id"):
            done = subprocess.run(
                [*words, "-i", runner.key(environment), "piped@127.0.0.1", command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 126 and "uid=" not in done.stdout, (environment, command, done)
    # What follows a command that is allowed is words of it, and no shell's.
    for more in ("; id", "&& id", "$(id)", "| id", "--reason `id`"):
        done = subprocess.run(
            [*words, "-i", runner.key("staging"), "piped@127.0.0.1", f"sudo -n onehost status --stack workhub {more}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode in (1, 2) and "uid=" not in done.stdout + done.stderr, done
    refused = runner.run(GITHUB, "production", key="staging", RELEASE="any")
    assert refused.returncode != 0 and runner.live() == before
