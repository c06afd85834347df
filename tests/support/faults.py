"""Support for fault tests: a stack to break, a way to strike at a named moment, and a check of the result.

The check is one function, `problems`: it reads the host without the engine's help and reports every disagreement
between the tags, the history, the router's file and memory, the containers and the journal.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab_source
from support import again
from support.lab import ROOT, Lab, until
from support.load import Load, Target, Window

#: ONEHOST_LONG=1 tries everything; ONEHOST_SHORT=1, as in `make test`, leaves out near duplicates.
LONG = bool(os.environ.get("ONEHOST_LONG"))
SHORT = bool(os.environ.get("ONEHOST_SHORT"))
HOST_FILES = Path(__file__).resolve().parent / "host"
INVENTORY = HOST_FILES / "faults.yml"
PLACE = "/srv/onehost-faults"
#: The steps in the journal of every promote and rollback; `record` writes nothing for a rollback.
STEPS = ("record", "start", "healthy", "tags", "routes", "switch", "confirm", "statuses", "drain", "stop")
MOMENTS = ("begin", "plan", *(f"{step}:{when}" for step in STEPS for when in ("begun", "done")))
#: The wrapper of the installed engine; it leaves no compiled files beside it.
OPERATE = ("env", "PYTHONPATH=/usr/local/lib/onehost", "python3", "-B", f"{PLACE}/run_and_kill.py")
#: Exit codes of run_and_kill.py: killed by itself, and a moment that never came.
KILLED, NEVER_REACHED = 137, 99
GOOD = ("live", "previous")
RATE = 60.0
#: A timer of the host that takes the lock has little to do under it.
TIMERS_SECONDS = 20.0
#: Versions of the source that misbehave in production only.
ILL: dict[str, dict[str, Any]] = {
    "never-healthy": {"unhealthy": True},
    "redirects": {"redirects": True},
    "wrong-address": {"loopback": True},
    "slow-boot": {"boot_seconds": 30},
    "crash-loop": {"crash": True},
    "dies-soon": {"exit_after": 1.5},
    "bad-smoke": {"bad_smoke": True},
}


@dataclass
class Row:
    """A line of the report."""

    kind: str
    case: str
    sent: int = 0
    failed: int = 0
    caused: int = 0
    found: str = ""
    outcome: str = ""


@dataclass
class Case:
    """One case while it is tried."""

    row: Row
    before: str
    found: str = ""

    def recovered(self, text: str) -> None:
        """What an operation reported as recovered, with the result. Fails if it reported nothing."""
        lines = [line for line in text.splitlines() if " was interrupted at " in line]
        assert len(lines) == 1, f"{len(lines)} interrupted operations were told of:\n{text}"
        # Without the journal's name, which differs each time.
        self.found = lines[0].partition(" was ")[2]
        self.row.outcome = "as after" if "it was finished" in lines[0] else "as before"


@dataclass
class Faults:
    """One stack on a lab, under load, and everything that can be done to it."""

    lab: Lab
    stack: str
    load: Load | None = None
    rows: list[Row] = field(default_factory=list)
    commits: dict[str, str] = field(default_factory=dict)

    @property
    def host_name(self) -> str:
        return f"{self.stack}.example"

    @property
    def apps(self) -> dict[str, str]:
        """Each web app and the public path of its health."""
        return {
            "faults": {"fault-front": "/health", "fault-back": "/back/health"},
            "single": {"single-web": "/health"},
            "hooked": {"hooked-web": "/health"},
        }[self.stack]

    def targets(self) -> list[Target]:
        production, staging = self.lab.ports["production"], self.lab.ports["staging"]
        first, last = next(iter(self.apps.values())), list(self.apps.values())[-1]
        echo = last.replace("/health", "/echo")
        return [
            Target("production GET", production, first, self.host_name),
            Target("production POST", production, echo, self.host_name, "POST"),
            Target("production GET 2", production, last, self.host_name),
            Target("staging GET", staging, last, self.host_name),
        ]

    # The host

    def root(self, *words: str, check: bool = True, seconds: float = 90, data: bytes | None = None) -> Any:
        """A command as root inside the lab, not by SSH, because some faults break SSH."""
        answer = subprocess.run(
            ["docker", "exec", *(["--interactive"] if data is not None else []), self.lab.name, *words],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
        text = subprocess.CompletedProcess(
            words, answer.returncode, answer.stdout.decode(errors="replace"), answer.stderr.decode(errors="replace")
        )
        if check:
            assert text.returncode == 0, f"{' '.join(words)} ended with {text.returncode}:\n{text.stdout}{text.stderr}"
        return text

    def shell(self, text: str, *, check: bool = True, seconds: float = 90) -> str:
        return str(self.root("sh", "-c", text, check=check, seconds=seconds).stdout)

    def onehost(self, *words: str, check: bool = True) -> Any:
        """Run the engine's own command, as a timer, a script or a person at the machine does."""
        return self.root("onehost", words[0], "--stack", self.stack, *again.words_of(*words)[1:], check=check)

    def operate(self, at: str, *words: str, kill: bool = False, do: str = "", wait: str = "") -> Any:
        """Run an operation and act at a moment of its journal, see host/run_and_kill.py."""
        what = ["--kill"] if kill else ["--do", do] if do else ["--wait", wait]
        answer = self.root(
            *(*OPERATE, "--at", at, *what, "--"),
            *(words[0], "--stack", self.stack, *again.words_of(*words)[1:]),
            check=False,
        )
        assert answer.returncode != NEVER_REACHED, f"{at} never came:\n{answer.stdout}{answer.stderr}"
        return answer

    def kill_at(self, at: str, *words: str) -> None:
        answer = self.operate(at, *words, kill=True)
        assert answer.returncode == KILLED, f"not killed at {at}:\n{answer.stdout}{answer.stderr}"

    @contextmanager
    def held_at(self, at: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """An operation that pauses at a moment while the block runs, and then continues."""
        flag = f"{PLACE}/reached"
        self.root("rm", "-f", flag)
        process = subprocess.Popen(
            [
                *("docker", "exec", self.lab.name, *OPERATE, "--at", at, "--wait", flag, "--"),
                *(words[0], "--stack", self.stack, *again.words_of(*words)[1:]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            until(lambda: self.root("test", "-e", flag, check=False).returncode == 0, 30, f"the moment {at}")
            yield process
        finally:
            self.root("rm", "-f", flag, check=False)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def look(self) -> dict[str, Any]:
        seen: dict[str, Any] = json.loads(self.root("python3", f"{PLACE}/inspect_host.py", self.stack).stdout)
        return seen

    def live(self, environment: str = "production") -> str:
        """The release in the router's file."""
        text = self.root("cat", f"/var/lib/onehost/switch/{self.stack}-{environment}.map").stdout
        return str(text).split()[1].partition("/")[2]

    def images(self, environment: str) -> dict[str, str]:
        (images,) = self._images(environment)
        return images

    def _images(self, *environments: str) -> list[dict[str, str]]:
        """What is live in each, by one command: to begin one takes longer than to read a file."""
        read = (
            f"for name in {' '.join(environments)}; do"
            f" live=$(cat /var/lib/onehost/switch/{self.stack}-$name.map) &&"
            f" cat /home/ubuntu/{self.stack}/releases/${{live#*/}}/release.json && printf '\\0' || exit; done"
        )
        return [json.loads(text)["images"] for text in self.shell(read).split("\0")[:-1]]

    def _is_promotable(self) -> bool:
        staging, production = self._images("staging", "production")
        return staging != production

    def answers(self) -> bool:
        """Every app answers in production; raises OSError while the edge is down."""
        answers = [self.lab.get("production", path, {"Host": self.host_name}) for path in self.apps.values()]
        return all(answer.status == 200 for answer in answers)

    def operations(self) -> int:
        """How many operations the journal has."""
        return len(self.shell(f"ls /var/lib/onehost/{self.stack}/operations").split())

    def exec_seconds(self) -> float:
        """How long running an empty command inside the lab takes just now."""
        begun = time.monotonic()
        self.root("python3", "-c", "pass")
        return time.monotonic() - begun

    def rollback_possible(self) -> bool:
        seen = self.look()
        live = seen["live"]["production"].partition("/")[2]
        return bool(seen["releases"][live]["via"] == "promote")

    def rollback_target(self) -> str:
        """The release that a rollback must go to, according to the history alone."""
        return way_back(self.look())

    # The state in which a case begins

    def promotable(self) -> None:
        """Staging has something that production has not."""
        if self._is_promotable():
            return
        self.onehost("rollback")
        if not self._is_promotable():
            self.onehost("deploy", "--version", self.other_version())
        assert self._is_promotable()

    def other_version(self) -> str:
        """The version that staging does not run."""
        return "first" if self.live("staging").endswith(self.commits["second"][:7]) else "second"

    def revertible(self) -> None:
        """Production runs a promoted release, and there is one to roll back to."""
        seen = self.look()
        live = seen["live"]["production"].partition("/")[2]
        if seen["releases"][live]["via"] == "rollback":
            self.promotable()
            self.onehost("promote")

    # Cases

    @contextmanager
    def case(self, kind: str, name: str, *, caused: bool = False, forged: bool = False) -> Iterator[Case]:
        """Try one case: in the end everything agrees, one whole release answers, and no request failed.

        `caused`: the fault itself interrupts requests, so failed ones are counted apart. `forged`: it makes answers
        name a wrong release.
        """
        row = Row(kind, name)
        case = Case(row, self.live())
        yield case
        self.consistent()
        row.outcome = row.outcome or ("as before" if self.live() == case.before else "as after")
        row.found = case.found
        window = self.count(row, caused, forged)
        self.rows.append(row)
        if not caused:
            assert window.failed == 0, f"{kind}, {name}: {window.line()}\n{window.failures[:10]}"

    def count(self, row: Row, caused: bool, forged: bool) -> Window:
        if self.load is None:
            return Window()
        window = self.load.take()
        row.sent += window.sent
        if caused:
            row.caused += window.failed
        else:
            row.failed += window.failed
        mixes = [cause for cause in window.causes if cause.startswith(("a mix", "an answer to another"))]
        assert forged or not mixes, f"{row.case}: {window.line()}"
        return window

    def consistent(self) -> dict[str, Any]:
        """Nothing disagrees on the host, and visitors get what its state says.

        The host's own timers take the lock for a moment (a standby slot that expires, a cleanup): they may end.
        """
        seen = self.look()
        deadline = time.monotonic() + TIMERS_SECONDS
        while any(seen["locked"].values()) and time.monotonic() < deadline:
            # Between two looks; the deadline is above.
            time.sleep(0.2)
            seen = self.look()
        found = problems(seen)
        assert not found, "\n".join(found)
        for environment in ("staging", "production"):
            release = seen["live"][environment].partition("/")[2]
            for path in self.apps.values():
                answer = self.lab.get(environment, path, {"Host": self.host_name, "Accept": "application/json"})
                assert answer.status == 200, f"{environment}{path}: {answer.status} {answer.body}"
                assert answer.release == answer.json()["release"] == release
        return seen


def problems(seen: dict[str, Any]) -> list[str]:
    """Every disagreement between tags, history, router, containers and journal, for people."""
    found = [f"the journal {name} is unfinished" for name in seen["unfinished"]]
    for environment in ("staging", "production"):
        slot, _, live = seen["live"][environment].partition("/")
        if seen["memory"][environment] != [seen["live"][environment]]:
            found.append(f"{environment}: HAProxy has {seen['memory'][environment]}, the file {slot}/{live}")
        if seen["locked"][environment]:
            found.append(f"{environment}: no operation runs, and the lock is held by {seen['locked'][environment]}")
        history = {name: item for name, item in seen["releases"].items() if item["environment"] == environment}
        statuses = {name: item["status"] for name, item in history.items()}
        if live not in history:
            found.append(f"{environment}: {live} is live, but not in the history")
            continue
        if [name for name, status in statuses.items() if status == "live"] != [live]:
            found.append(f"{environment}: {live} is live, the history says {statuses}")
        found += [f"{name} was never ended: {s}" for name, s in statuses.items() if s == "prepared"]
        images = history[live]["images"]
        if seen["tags"].get(environment) != images:
            found.append(f":{environment} names {seen['tags'].get(environment)}, the release has {images}")
        running = [c for c in seen["containers"] if c["environment"] == environment and c["state"] != "exited"]
        # Jobs have an image, and containers of their own that come and go.
        expected = {(app, slot, live, image, "running") for app, image in images.items() if app not in seen["jobs"]}
        have = {(c["app"], c["slot"], c["release"], c["image"], c["state"]) for c in running}
        if have != expected or len(running) != len(expected):
            found.append(f"{environment}: running are {sorted(have)}, expected {sorted(expected)}")
        if environment == "production":
            back = way_back(seen)
            wanted = history[back]["images"] if back else {}
            if seen["tags"].get("rollback", {}) != wanted:
                found.append(f":rollback names {seen['tags'].get('rollback')}, a rollback goes to {back} {wanted}")
    return found


def way_back(seen: dict[str, Any]) -> str:
    """The newest good release beside the live one whose images all exist; empty if there is none."""
    live = seen["live"]["production"].partition("/")[2]
    return next(
        (
            str(name)
            for name, item in sorted(seen["releases"].items(), reverse=True)
            if item["environment"] == "production"
            and item["status"] in GOOD
            and name != live
            and set(item["images"].values()) <= set(seen["images"])
        ),
        "",
    )


def prepare(lab: Lab) -> None:
    """Give a lab the sources, the two stacks and the scripts, without building or releasing anything."""
    give_source(lab)
    lab.playbook("provision", inventories=[INVENTORY]).ok()


def give_source(lab: Lab) -> None:
    """The scripts, and the repository that the stacks are built from."""
    container = Faults(lab, "faults")
    container.root("mkdir", "-p", PLACE)
    container.root("tar", "x", "-C", PLACE, data=archive())
    container.root("rm", "-rf", "/srv/git/faults.git")
    with tempfile.TemporaryDirectory(prefix="onehost-faults-") as folder:
        source = Path(folder) / "faults"
        (source / "app").mkdir(parents=True)
        for path in (HOST_FILES / "app").iterdir():
            (source / "app" / path.name).write_bytes(path.read_bytes())
        container.root("tar", "x", "-C", "/srv/git", data=lab_source.repository_archive("faults", source))
    lab.repositories["faults"] = lab.repositories["workhub"].replace("workhub.git", "faults.git")


def push(lab: Lab, version: str, behaviour: dict[str, Any] | None = None) -> str:
    """Push a version of the source to a branch of its own; `behaviour` is how it misbehaves in production."""
    text = json.dumps({"version": version, "staging": {}, "production": behaviour or {}}) + "\n"
    return lab.push_commit({"app/behaviour.json": text}, branch=version, repository="faults")


def release_twice(faults: Faults) -> None:
    """Two good production releases with different images, the newer one live and also in staging."""
    for version in ("first", "second"):
        faults.commits[version] = push(faults.lab, version)
        faults.onehost("deploy", "--version", version)
        faults.onehost("promote")


def archive() -> bytes:
    """The scripts of host/, as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(HOST_FILES.glob("*.py")):
            tar.add(path, path.name)
    return buffer.getvalue()


def report(rows: list[Row]) -> str:
    """The table of all cases, as Markdown."""
    sent, failed, caused = (sum(getattr(row, name) for row in rows) for name in ("sent", "failed", "caused"))
    lines = [
        f"{len(rows)} cases, {sent:,} requests sent, {failed} failed; {caused} more were lost to the fault itself.",
        "",
        "| fault | case | requests | failed | lost to the fault | production answers | found by the next operation |",
        "| --- | --- | ---: | ---: | ---: | --- | --- |",
    ]
    lines += [
        f"| {row.kind} | {row.case} | {row.sent} | {row.failed} | {row.caused or ''} | {row.outcome} | {row.found} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def write_report(rows: list[Row], path: Path, title: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    moment = time.strftime("%Y-%m-%d", time.gmtime())
    path.write_text(f"# {title}\n\nWritten by the fault suite on {moment}.\n\n{report(rows)}", encoding="utf-8")


OUTPUT = ROOT / "tests" / "output"
