# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on a host: by the schedule of what is live, across a promote, a rollback and a reboot; hooks around a switch."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.beside import Beside
from support.lab import Lab, Result, until

HOST = "chores.example"
DOCKERFILE = """ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY . /srv
USER 10001
CMD ["python3", "-m", "http.server", "8000", "--directory", "/srv"]
"""
#: Notes in the volume when it begins and ends. `long` goes on until it is let go, the hook fails where it is told to.
WORK = """import os, pathlib, signal, sys, time
kind, book = sys.argv[1], pathlib.Path("/book")

def note(text):
    with open(book / "notes", "a") as file:
        file.write(f"{kind} {text} {os.environ['RELEASE_ID']}\\n")

def stopped(*_):
    note("stopped")
    sys.exit(7)

signal.signal(signal.SIGTERM, stopped)
note("begun")
print("the token is", os.environ["CHORE_TOKEN"], flush=True)
while kind == "long" and not (book / "go").exists():
    (book / "held").touch()
    # Between two looks for the word of the test; its own timeout_seconds end it otherwise.
    time.sleep(0.1)
if (book / f"fail-{kind}").exists():
    sys.exit("told to fail")
note("ended")
"""


def job(kind: str, **more: Any) -> dict[str, Any]:
    command = ["python3", "/srv/work.py", kind]
    return {"kind": "job", "image_of": "chores", "command": command, "volumes": {"book": "/book"}, **more}


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"chores": definition()}


def definition(**apps: Any) -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/chores",
        "source": "/srv/git/chores.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [f"staging.{HOST}"]},
            "production": {"ports": [80], "hosts": [HOST]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"CHORE_TOKEN": {"class": "secret", "same": True}},
        "env": {"common": {"CHORE_TOKEN": "chores-token-for-tests"}},
        "volumes": {"book": {"user": 10001}},
        "hooks": {"before_switch": ["prepare"], "after_switch": ["announce"]},
        "apps": {
            "chores": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21610,
                "health": "/",
                "routes": [{"path": "/"}],
                "volumes": {"book": "/book"},
                "stop_seconds": 1,
            },
            "long": job(
                "long", schedule="*:*:0/5 UTC", environments=["production"], timeout_seconds=300, stop_seconds=5
            ),
            "prepare": job("prepare", timeout_seconds=30),
            "announce": job("announce", timeout_seconds=30),
            **apps,
        },
    }


@dataclass
class Chores:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def playbook(self, name: str, **options: Any) -> Result:
        return self.beside.playbook(name, stack="chores", **options)

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="chores", **options)

    def stage(self) -> None:
        self.lab.push_commit(
            {"Dockerfile": DOCKERFILE, "work.py": WORK, "note.txt": str(time.time())}, repository="chores"
        )
        self.operate("deploy_staging").ok()

    def promote(self) -> str:
        return str(self.operate("promote").ok().report["release"])

    def book(self, words: str) -> str:
        """A command in production's volume."""
        place = "$(sudo docker volume inspect --format '{{.Mountpoint}}' chores_production_book)"
        return self.lab.ssh(f'sudo sh -c "cd {place} && {words}"')

    def hold(self) -> None:
        """Wait until a run goes on that will not end before it is let go. One that is about to end looks like one."""
        self.book("rm -f go held")
        until(lambda: "held" in self.book("ls").split(), 30, "a run goes on")
        until(lambda: self.jobs()["long"]["outcome"] == "running", 30, "and is known to")

    def notes(self, kind: str = "long") -> list[tuple[str, str]]:
        lines = [line.split() for line in self.book("cat notes").splitlines()]
        return [(word, release) for name, word, release in lines if name == kind]

    def onehost(self, words: str) -> str:
        """What a person on the host does with production's jobs, and is told."""
        return self.lab.ssh(f"sudo onehost jobs --stack chores --environment production 2>&1 {words}")

    def jobs(self) -> dict[str, Any]:
        shown = json.loads(self.onehost("--json"))
        rows: dict[str, Any] = shown[0]["jobs"]["production"]
        return rows

    def wait_for(self, word: str, release: str, number: int = 1, seconds: float = 60) -> None:
        until(lambda: self.notes().count((word, release)) >= number, seconds, f"long has {word} in {release}")

    def containers(self) -> str:
        return self.lab.ssh("sudo docker ps --all --filter label=release.onehost.run --format '{{.Names}} {{.State}}'")


@pytest.fixture(scope="module")
def chores(beside: Beside) -> Iterator[Chores]:
    with beside.until_stopped("chores"):
        found = Chores(beside)
        found.stage()
        yield found


def check_never_twice(chores: Chores) -> None:
    """Whatever begins has ended before the next begins."""
    words = [word for word, _release in chores.notes()]
    pairs = [words[place : place + 2] for place in range(0, len(words), 2)]
    assert all(pair in (["begun", "ended"], ["begun", "stopped"], ["begun"]) for pair in pairs), words


def test_a_scheduled_job_spans_a_promote_and_a_rollback(chores: Chores) -> None:
    first = chores.promote()
    chores.wait_for("begun", first)
    chores.stage()
    second = chores.promote()
    assert ("ended", first) not in chores.notes(), "it goes on in the image that it began with"
    assert "chores-run-" in chores.containers() and "running" in chores.containers()
    chores.book("touch go")
    chores.wait_for("ended", first)
    chores.wait_for("begun", second)
    chores.operate("rollback").ok()
    number = chores.notes().count(("begun", first))
    chores.wait_for("begun", first, number + 1)
    until(lambda: chores.jobs()["long"]["outcome"] in ("succeeded", "running"), 30, "its record")
    check_never_twice(chores)
    # Each hook has run once for each release, in the release's own image; a rollback runs none.
    for hook in ("prepare", "announce"):
        assert [word for word in chores.notes(hook) if word[0] == "ended"] == [("ended", first), ("ended", second)]


def test_what_fires_is_the_live_releases_alone_and_other_stacks_have_none(chores: Chores) -> None:
    units = chores.lab.ssh("ls /etc/systemd/system | grep onehost-job", check=False).split()
    assert units == ["onehost-job-chores_production_long.service", "onehost-job-chores_production_long.timer"]
    assert "OnCalendar=*:*:0/5 UTC" in chores.lab.ssh(f"cat /etc/systemd/system/{units[1]}")


def test_run_by_a_person_with_its_history(chores: Chores) -> None:
    shown = chores.playbook("jobs", where="production", run="announce", reason="once more").ok().stdout
    assert "announce of chores production succeeded" in shown
    assert "chores-token-for-tests" not in shown and "the token is" in shown
    history = chores.onehost("--history announce")
    assert "once more" in history and "after_switch" in history
    chores.book("touch fail-announce")
    failed = chores.playbook("jobs", where="production", run="announce")
    assert failed.rc != 0 and "exit code 1" in failed.stdout and "told to fail" in failed.stdout
    chores.book("rm fail-announce")
    assert "production announce: failed" in chores.lab.ssh("sudo onehost status --stack chores")
    assert "would run announce" in chores.onehost("--run announce --check")
    assert "is no job" in chores.onehost("--run chores ; test $? -eq 1")


def test_suspended_it_stays_so_through_a_promote(chores: Chores) -> None:
    chores.onehost("--suspend long --reason 'too loud'")
    until(lambda: chores.jobs()["long"]["outcome"] == "succeeded", 30, "its last run ends")
    number = len(chores.notes())
    chores.stage()
    release = chores.promote()
    assert len(chores.notes()) == number and "too loud" in chores.jobs()["long"]["suspended"]
    chores.onehost("--resume long")
    chores.wait_for("ended", release)
    check_never_twice(chores)


def test_a_failing_hook_undoes_the_promote(chores: Chores) -> None:
    chores.stage()
    before = chores.lab.get("http", headers={"Host": HOST}).release
    for hook, step in (("prepare", "before_switch"), ("announce", "after_switch")):
        chores.book(f"touch fail-{hook}")
        failed = chores.operate("promote")
        assert failed.rc != 0 and f"{step}: {hook} failed" in failed.stdout, failed.stdout
        assert "told to fail" in failed.stdout
        chores.book(f"rm fail-{hook}")
        assert chores.lab.get("http", headers={"Host": HOST}).release == before
    release = chores.promote()
    chores.wait_for("ended", release)


def test_a_scheduled_job_spans_a_reboot(chores: Chores) -> None:
    chores.hold()
    release = chores.lab.get("http", headers={"Host": HOST}).release
    ended = chores.notes().count(("ended", release))
    chores.lab.reboot()
    until(lambda: chores.lab.get("http", headers={"Host": HOST}).release == release, 90, "the release is back")
    chores.lab.ssh("systemctl is-active onehost-job-chores_production_long.timer")
    # Told as what it was, and not taken for done; the next time of the schedule has its run.
    until(lambda: "interrupted" in chores.onehost("--history long"), 60, "the record says that it was interrupted")
    chores.book("touch go")
    chores.wait_for("ended", release, ended + 1)
    until(lambda: chores.jobs()["long"]["outcome"] == "succeeded", 30, "its next run")
    check_never_twice(chores)


def test_a_killed_engine_leaves_nothing_behind(chores: Chores) -> None:
    chores.hold()
    begun = len(chores.notes())
    chores.lab.ssh("sudo systemctl kill --kill-whom=main --signal=SIGKILL onehost-job-chores_production_long.service")
    # The next time of the schedule finds it, and waits for it.
    unit = "systemctl is-active onehost-job-chores_production_long"
    until(lambda: "activating" in chores.lab.ssh(unit, check=False), 30, "its next time has come")
    assert len(chores.notes()) == begun, "nothing was begun beside it"
    chores.book("touch go")
    until(lambda: len(chores.notes()) > begun + 1, 30, "the next run")
    check_never_twice(chores)
    chores.onehost("--suspend long")
    until(lambda: not chores.containers(), 30, "no container of a run is left")
    assert chores.lab.ssh("sudo find /var/lib/onehost/chores/runs -mindepth 1 -type d") == ""
