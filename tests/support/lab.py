"""A lab for tests: started and removed by tools/lab, used through ansible-runner, HTTP and SSH."""

from __future__ import annotations

import difflib
import http.client
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner  # type: ignore[import-untyped]

from support import again, connection, exchange, strategy

ROOT = Path(__file__).resolve().parent.parent.parent
INVENTORY = ROOT / "inventories" / "lab"
# Every operation watches the new release after the switch; the product's 10 s would only make tests slow.
WATCH_SECONDS = 1
PLAYBOOK_SECONDS = 540

Event = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. Names of headers are lower-case."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def release(self) -> str:
        return self.headers.get("x-release", "")

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Result:
    """The result of one run of a playbook."""

    rc: int
    stdout: str
    seconds: float
    events: list[Event] = field(repr=False)

    @property
    def results(self) -> list[dict[str, Any]]:
        """What the modules returned, in order; a loop's items are in its task's result."""
        kinds = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable")
        return [event["event_data"].get("res", {}) for event in self.events if event["event"] in kinds]

    @property
    def report(self) -> dict[str, Any]:
        """The report of the run's operation: deploy, promote or rollback."""
        for result in reversed(self.results):
            if "report" in result:
                report: dict[str, Any] = result["report"]
                return report
        raise AssertionError(f"no report of an operation in:\n{self.stdout}")

    @property
    def problems(self) -> str:
        """What was refused and why, in one text."""
        return "\n".join(f"{it['where']}: {it['what']}. {it['fix']}" for it in self.report["problems"])

    @property
    def changes(self) -> int:
        """How many tasks changed something, according to the recap, which includes tasks under no_log."""
        return sum(sum(event["event_data"]["changed"].values()) for event in self.events if "stats" in event["event"])

    @property
    def changed_tasks(self) -> list[str]:
        """Their names, except for those under no_log, whose events contain nothing."""
        return [
            str(event["event_data"]["task"])
            for event in self.events
            if event["event"] == "runner_on_ok" and event["event_data"].get("res", {}).get("changed")
        ]

    @property
    def failed_tasks(self) -> list[str]:
        """Tasks that failed unexpectedly."""
        return [
            str(event["event_data"]["task"])
            for event in self.events
            if event["event"] in ("runner_on_failed", "runner_on_unreachable")
            and not event["event_data"].get("ignore_errors")
        ]

    def ok(self) -> Result:
        assert self.rc == 0, f"the playbook ended with {self.rc}:\n{self.stdout}"
        return self


class Lab:
    """A running lab, described by its lab.json."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # The stage it has been brought to, see support/snapshot.py.
        self.stage = ""
        self.read_description()

    def read_description(self) -> None:
        facts = json.loads((self.directory / "lab.json").read_text())
        self.name: str = facts["name"]
        self.ports: dict[str, int] = facts["ports"]
        # The ports in addresses on the host; they differ from the lab's in a lab made from a snapshot.
        self.announced_ports: dict[str, int] = facts["announced_ports"]
        self.repositories: dict[str, str] = facts["repositories"]
        self.ssh_words = [
            *("ssh", "-i", facts["key"], "-o", f"UserKnownHostsFile={facts['known_hosts']}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", "ConnectTimeout=5", "-p", str(self.ports["ssh"])),
        ]

    # Ansible

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for Ansible: this lab, and how to run."""
        ports = self.announced_ports | {"ssh": self.ports["ssh"]}
        return {f"ONEHOST_LAB_{use.upper()}_PORT": str(port) for use, port in ports.items()} | {
            "ONEHOST_LAB_NAME": self.name,
            "ONEHOST_LAB_DIRECTORY": str(self.directory),
            # Makes it possible to read and compare what people see.
            "ANSIBLE_NOCOLOR": "1",
            # For ansible's own child processes too, wherever pytest itself was started from.
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            **strategy.environment(),
        }

    def playbook(
        self,
        name: str,
        *,
        options: str = "",
        inventories: Sequence[Path] = (),
        watch: Callable[[Event], None] | None = None,
        **extra_variables: Any,
    ) -> Result:
        """Run playbooks/<name>.yml to its end, or one elsewhere that is named by its whole path without the `.yml`.
        `options` are more words of the command line."""
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="onehost-run-") as private:
            run = ansible_runner.run(
                private_data_dir=private,
                project_dir=str(ROOT),
                playbook=f"{Path('playbooks') / name}.yml",
                inventory=[str(INVENTORY), *map(str, inventories)],
                envvars=self.environment | strategy.environment(name),
                extravars=(again.VARIABLES if name == "promote" else {})
                | {"release_watch_seconds": WATCH_SECONDS}
                | extra_variables,
                cmdline=options or None,
                event_handler=watch,
                timeout=PLAYBOOK_SECONDS,
                # Without this option ansible-runner takes over this process's signals for good.
                cancel_callback=lambda: False,
                quiet=True,
            )
            events = list(run.events)
            # The lines that a person sees, without the terminal's colours and line ends.
            stdout = "\n".join(event["stdout"] for event in events if event.get("stdout")).replace("\r", "")
        self.hang_up()
        return Result(-1 if run.rc is None else run.rc, stdout, time.monotonic() - begin, events)

    def operate(self, name: str, *, options: str = "", **variables: Any) -> Result:
        """Carry out deploy_staging, promote or rollback as the playbook of that name does, without Ansible, which takes
        most of its time: the engine on the host is asked what the playbook asks. The options are `--check` or none."""
        assert options in ("", "--check"), f"{options} is for a playbook"
        begin = time.monotonic()
        wanted = {"release_watch_seconds": WATCH_SECONDS} | (again.VARIABLES if name == "promote" else {}) | variables
        asked = exchange.request(name, wanted, check=bool(options))
        said = self.ssh(f"sudo {exchange.COMMAND}", data=asked, seconds=PLAYBOOK_SECONDS)
        answer = exchange.answer(said, str(variables.get("stack", "")))
        failed = bool(answer.get("failed"))
        kind = "runner_on_failed" if failed else "runner_on_ok"
        stats = {"changed": {self.name: int(answer["changed"])}}
        events: list[Event] = [
            {"event": kind, "event_data": {"task": name, "res": answer}},
            {"event": "playbook_on_stats", "event_data": stats},
        ]
        return Result(int(failed), "\n".join(answer["lines"]), time.monotonic() - begin, events)

    def start_ansible(self, *words: str, where: Path = ROOT) -> subprocess.Popen[str]:
        """Start ansible-playbook exactly as typed, `-i` excepted, in a process group of its own; it can be killed.
        The first word is the playbook."""
        return subprocess.Popen(
            ["ansible-playbook", "-i", str(INVENTORY), *words],
            cwd=where,
            env=os.environ | self.environment | strategy.environment(words[0]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ansible(self, *words: str, where: Path = ROOT) -> Result:
        """Run ansible-playbook exactly as typed, `-i` excepted, to its end."""
        begin = time.monotonic()
        process = self.start_ansible(*words, where=where)
        stdout, _ = process.communicate(timeout=PLAYBOOK_SECONDS)
        return Result(process.returncode, stdout, time.monotonic() - begin, [])

    # The host

    def ssh(self, command: str, *, check: bool = True, seconds: float = 60, data: str = "") -> str:
        """Standard output of a shell command that the login user runs on the host, with this as its standard input."""
        answer = subprocess.run(
            [*self.ssh_words, *connection.options(self.socket), "ubuntu@127.0.0.1", command],
            input=data,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if check:
            assert answer.returncode == 0, f"{command} ended with {answer.returncode}:\n{answer.stdout}{answer.stderr}"
        return answer.stdout

    @property
    def socket(self) -> Path:
        """Of the connection that commands share."""
        return connection.sockets() / self.name

    def hang_up(self) -> None:
        """End that connection. The next one knows the groups of the login user as they are by then."""
        if self.socket.exists():
            words = [*self.ssh_words, "-o", f"ControlPath={self.socket}", "-O", "exit", "ubuntu@127.0.0.1"]
            # It may end by itself meanwhile, after its time.
            subprocess.run(words, capture_output=True, check=False, timeout=20)

    def apt(self, command: str) -> None:
        """Retry until a deadline: the host's own timers may hold apt's lock, and a mirror may be slow."""
        again = (
            f"export DEBIAN_FRONTEND=noninteractive; until {{ {command}; }} >/run/test-apt.log 2>&1; do sleep 2; done"
        )
        said = "{ sudo cat /run/test-apt.log >&2; exit 1; }"
        self.ssh(f"sudo timeout 240 sh -c {shlex.quote(again)} || {said}", seconds=300)

    def state(self, path: str = "/home/ubuntu/workhub") -> str:
        """Everything that a refused or a second run must not change: containers, images, tags, files, traffic.

        Journals of operations are left out, because every run writes one, even a refused run.
        """
        files = (
            f"sudo find {path} /etc/onehost /etc/nginx /etc/haproxy /var/lib/onehost/switch /etc/sudoers.d"
            " -path '*/.git/*' -prune -o -type f"
        )
        return self.ssh(
            "sudo docker ps --all --no-trunc --format '{{.ID}} {{.Image}} {{.State}} {{.Names}}' | sort; "
            "sudo docker images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort; "
            f"{files} -printf '%p %m %u\\n' | sort; {files} -exec sha256sum {{}} + | sort; "
            f"sudo git -c safe.directory='*' -C {path} rev-parse HEAD 2>&1; "
            # Includes the time of the last reload.
            "systemctl show --property=ActiveEnterTimestamp,ExecReload nginx haproxy docker"
        )

    def changes(self, before: str, path: str = "/home/ubuntu/workhub") -> list[str]:
        """The lines of `state` that are others by now: a failed test names them, and not the whole state twice."""
        compared = difflib.unified_diff(before.splitlines(), self.state(path).splitlines(), lineterm="", n=0)
        return [line for line in compared if not line.startswith(("---", "+++", "@@"))]

    def has_booted(self) -> bool:
        """Whether all services of the boot have begun, and those that end have ended: one of them recovers."""
        return self.ssh("systemctl is-system-running || true").strip() in ("running", "degraded")

    def reboot(self) -> None:
        """Reboot like `docker restart`, including systemd's own halt and boot."""
        self.hang_up()
        subprocess.run(["docker", "restart", self.name], check=True, capture_output=True, timeout=120)

    def save(self, snapshot: str) -> None:
        """Take a snapshot, which is a reboot for the host."""
        self._tool("save", "--snapshot", snapshot)

    def load(self, snapshot: str) -> None:
        """Replace the host by a snapshot, on the same ports."""
        self._tool("load", "--snapshot", snapshot)
        self.read_description()

    def _tool(self, *words: str) -> None:
        self.hang_up()
        subprocess.run([str(ROOT / "tools/lab"), words[0], "--name", self.name, *words[1:]], check=True, timeout=300)

    # The public ports

    def get(
        self,
        port: str,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: str | None = None,
        seconds: float = 10,
    ) -> Answer:
        """Request a path from the edge; `port` is staging, production or http. Raises OSError if nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=seconds)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
        finally:
            connection.close()

    # The source

    def push_commit(
        self,
        changes: Mapping[str, str | None],
        *,
        branch: str = "main",
        repository: str = "workhub",
        base: str = "main",
    ) -> str:
        """Commit on top of `base` as a developer elsewhere would, push it to `branch`; None removes a file.

        A change that must not reach other tests goes to a branch of its own. Returns the commit's id.
        """
        environment = os.environ | {
            "GIT_SSH_COMMAND": shlex.join([*self.ssh_words, *connection.options(self.socket)]),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

        def git(*words: str) -> str:
            answer = subprocess.run(
                ["git", *words], cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=60
            )
            assert answer.returncode == 0, f"git {' '.join(words)}:\n{answer.stderr}"
            return answer.stdout.strip()

        with tempfile.TemporaryDirectory(prefix="onehost-source-") as folder:
            tree = Path(folder)
            git("clone", "--quiet", self.repositories[repository], ".")
            # An empty repository has no commit to start from.
            if git("branch", "--remotes"):
                git("checkout", "--quiet", "--detach", "origin/main" if base == "main" else base)
            for name, text in changes.items():
                if text is None:
                    git("rm", "-r", "--quiet", name)
                else:
                    (tree / name).parent.mkdir(parents=True, exist_ok=True)
                    (tree / name).write_text(text)
            git("add", "--all", "--force")
            who = ("-c", "user.name=A developer", "-c", "user.email=developer@workhub.example")
            git(*who, "commit", "--quiet", "--message=From a test: " + ", ".join(changes))
            git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
            return git("rev-parse", "HEAD")

    def commit(self, version: str = "main", repository: str = "workhub") -> str:
        """The commit that a branch of the lab's repository is at."""
        return self.ssh(f"git -C /srv/git/{repository}.git rev-parse {version}").strip()

    def read_source(self, path: str, version: str = "main", repository: str = "workhub") -> str:
        return self.ssh(f"git -C /srv/git/{repository}.git show {version}:{path}")


def kept_lab() -> str:
    """The name of an existing lab that is kept."""
    return os.environ.get("ONEHOST_TEST_LAB", "")


@contextmanager
def started(use: str = "e2e") -> Iterator[Lab]:
    """A lab of this process's own, on free ports, removed at the end. ONEHOST_TEST_LAB names one to use and to keep.

    `use` distinguishes the labs of one process; only the usual one may be kept.
    """
    kept = kept_lab() if use == "e2e" else ""
    name = kept or f"onehost-lab-{use}-{os.getpid()}"
    words = ["up", "--name", name] + ([] if kept else ["--owner-pid", str(os.getpid())])
    subprocess.run([str(ROOT / "tools/lab"), *words], check=True, timeout=600)
    directory = ROOT / ".lab" if name == "onehost-lab" else ROOT / ".lab" / name
    try:
        yield Lab(directory)
    finally:
        if not kept:
            subprocess.run([str(ROOT / "tools/lab"), "down", "--name", name], check=True, timeout=120)
            shutil.rmtree(directory, ignore_errors=True)


def until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for a condition; an error while reading it counts as not yet. Returns the seconds it took."""
    begin, trouble = time.monotonic(), ""
    while (passed := time.monotonic() - begin) < seconds:
        try:
            if condition():
                return passed
        except (OSError, http.client.HTTPException, ValueError, AssertionError) as error:
            trouble = f": {error}"
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds:g} s{trouble}")
