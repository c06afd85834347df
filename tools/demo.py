"""What `make demo` shows on a running lab: two releases of an example on their way to production, and one rollback.

A second run takes the same steps and ends in the same state: it asks for commit 1
by its id, which needs no build the second time. What is special about an example
is shown by `examples/<stack>-demo/<stack>_demo.py`.
"""

from __future__ import annotations

import argparse
import http.client
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import ansible_runner  # type: ignore[import-untyped]

from progress import Progress, ToolError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_NAME = "onehost-lab"
# The product watches a new release for 10 s after the switch. Three times that is too long for a demo.
WATCH_SECONDS = 3
PLAYBOOK_SECONDS = 900
LINE_LENGTH = 110
DEFAULT_STACK = "workhub"
#: Every example, one after the other, on the same lab.
ALL = "all"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

progress = Progress("demo")


class Example(Protocol):
    """What an example's own module has."""

    def version(self, demo: Demo, environment: str) -> tuple[str, str]:
        """The release that answers, and what it says it is."""

    def show(self, demo: Demo, moment: str) -> list[str]:
        """Lines to show at a moment of the demo: `first`, `before second`, `second`, `before back` or `back`."""

    def closing(self, demo: Demo) -> list[str]:
        """Lines for the end: what else is there, and how to use it."""


@dataclass
class Demo:
    """One run of one stack on one lab: its facts, and how long each step took."""

    stack: str
    directory: Path
    ports: dict[str, int]
    ssh: list[str]
    times: list[tuple[str, float, str]] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, stack: str) -> Demo:
        directory = ROOT / ".lab" if name == DEFAULT_NAME else ROOT / ".lab" / name
        try:
            facts = json.loads((directory / "lab.json").read_text())
        except FileNotFoundError:
            raise ToolError(f"the lab {name} was never started. Fix: tools/lab up --name {name}") from None
        ssh = ["ssh", "-i", facts["key"], "-o", f"UserKnownHostsFile={facts['known_hosts']}", "-o", "BatchMode=yes"]
        ssh += ["-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5", "-p", str(facts["ports"]["ssh"])]
        return cls(stack, directory, facts["ports"], [*ssh, f"{facts['user']}@{facts['host']}"])

    @property
    def inventory(self) -> str:
        """An example beside the first has an inventory of its own, so that nobody builds what he did not ask for."""
        return "inventories/lab" if self.stack == DEFAULT_STACK else f"inventories/lab-{self.stack}"

    @property
    def words(self) -> str:
        """Further words of a command: of several stacks on the lab a person has to name one."""
        stacks = output([*self.ssh, "sudo ls /etc/onehost/stacks"], "asking the lab for its stacks").split()
        return f" -e stack={self.stack}" if len(stacks) > 1 else ""

    def port(self, environment: str) -> int:
        """An environment's port on this machine."""
        use = environment if self.stack == DEFAULT_STACK else f"{self.stack}_{environment}"
        try:
            return self.ports[use]
        except KeyError:
            fix = "was made before it had any. Fix: make lab-down, then again"
            raise ToolError(f"the lab has no port for {environment} of {self.stack}; it {fix}") from None

    def show(self, example: Example, moment: str) -> None:
        """What an example has to show by now. Raises ToolError if it is not what it promises."""
        try:
            for line in example.show(self, moment):
                progress.say(f"   {line}")
        except AssertionError as error:
            raise ToolError(f"{self.stack} does not do what it should: {error}") from None

    def environment(self) -> dict[str, str]:
        """The environment for the lab's inventories, with this clone's programs first in PATH."""
        ports = {f"ONEHOST_LAB_{use.upper()}_PORT": str(port) for use, port in self.ports.items()}
        path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
        return {**ports, "ONEHOST_LAB_DIRECTORY": str(self.directory), "ANSIBLE_NOCOLOR": "1", "PATH": path}

    def play(self, what: str, playbook: str, **variables: Any) -> None:
        """Run a playbook, show its output live, and record its time. Raises ToolError if it fails."""
        told: dict[str, Any] = {}
        failures: list[str] = []

        def watch(event: dict[str, Any]) -> None:
            data, lines = event.get("event_data", {}), COLOURS.sub("", event.get("stdout", "")).splitlines()
            if event["event"] == "playbook_on_task_start" and playbook == "provision":
                if not data["task"].startswith("Validating arguments"):
                    progress.say(f"   {data['task']}")
            elif event["event"] == "verbose":
                for line in filter(str.strip, lines):
                    progress.say(f"   {shorten(line)}")
            elif event["event"] in ("runner_on_failed", "runner_on_unreachable") and not data.get("ignore_errors"):
                failures.append(str(data.get("res", {}).get("msg") or "\n".join(lines)))
            told.update(data.get("res", {}).get("report", {}) if event["event"] == "runner_on_ok" else {})

        begin = time.monotonic()
        with progress.step(what), tempfile.TemporaryDirectory(prefix="onehost-demo-") as private:
            run = ansible_runner.run(
                private_data_dir=private,
                project_dir=str(ROOT),
                playbook=f"playbooks/{playbook}.yml",
                inventory=str(ROOT / self.inventory),
                envvars=self.environment(),
                extravars={"release_watch_seconds": WATCH_SECONDS, "stack": self.stack, **variables},
                event_handler=watch,
                timeout=PLAYBOOK_SECONDS,
                # Without this option ansible-runner takes over this process's signals, and Ctrl-C ends nothing.
                cancel_callback=lambda: False,
                quiet=True,
            )
            if run.rc != 0 and not failures:
                failures.append(COLOURS.sub("", run.stdout.read())[-2000:])
        if run.rc != 0:
            words = "" if playbook == "provision" else self.words
            again = f".venv/bin/ansible-playbook -i {self.inventory} playbooks/{playbook}.yml{words}"
            raise ToolError(f"{what} failed.\n" + "\n".join(failures) + f"\nAgain, alone: {again}")
        self.times.append((what, time.monotonic() - begin, outcome(told)))

    def first_commit(self) -> str:
        """Commit 1 of the lab's repository, whatever has been pushed on top of it."""
        return self.commit("rev-list --max-parents=0 main")

    def newest_commit(self) -> str:
        return self.commit("rev-parse main")

    def commit(self, question: str) -> str:
        """A commit of the lab's repository."""
        return output([*self.ssh, f"git -C /srv/git/{self.stack}.git {question}"], "asking the lab for a commit")

    def second_commit(self, name: str) -> str:
        """Push commit 2 to the lab as its developer would, and return its id. Safe to repeat."""
        words = ["push", "--name", name, "--repository", self.stack, "--change", "2"]
        return output([str(ROOT / "tools/lab"), *words], "pushing commit 2")

    def ask(self, environment: str, path: str, **how: Any) -> tuple[str, Any]:
        """The release that answers, and its message."""
        port = self.port(environment)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(how.pop("method", "GET"), path, **how)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except OSError as error:
            raise ToolError(f"{environment} does not answer at port {port}: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise ToolError(f"{environment}{path} answers {response.status}: {text[:300]}")
        return response.headers.get("X-Release", ""), json.loads(text)


def examples() -> list[str]:
    """Those with a demo, the first one first."""
    found = {path.name.removesuffix("-demo") for path in (ROOT / "examples").glob("*-demo")}
    return [DEFAULT_STACK, *sorted(found - {DEFAULT_STACK})]


def example_of(stack: str) -> Example:
    """The module of an example."""
    folder = ROOT / "examples" / f"{stack}-demo"
    if stack not in examples():
        raise ToolError(f"there is no demo of {stack}. Fix: choose one of {', '.join(examples())}, or {ALL}")
    sys.path.insert(0, str(folder))
    module: Any = importlib.import_module(f"{stack}_demo")
    example: Example = module
    return example


def outcome(report: dict[str, Any]) -> str:
    """What an operation did, in a few words for the table at the end."""
    if not report:
        return ""
    if not report.get("changed"):
        return "nothing to do, it was live already"
    built = f", {len(report['built'])} apps built" if report.get("built") else ""
    return f"{report['release']} in {report['slot']}{built}"


def shorten(line: str) -> str:
    """A line of the report; a long command of a Dockerfile step is cut to the width of a screen."""
    line = line.rstrip().removeprefix("  ")
    return line if "[onehost-lab]" in line or len(line) <= LINE_LENGTH else line[: LINE_LENGTH - 2] + " …"


def output(command: list[str], what: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if answer.returncode != 0:
        raise ToolError(f"{what} failed: {answer.stderr.strip()}")
    return answer.stdout.strip()


def play_all(demo: Demo, example: Example, name: str) -> None:
    progress.say(f"each new release is watched for {WATCH_SECONDS} s after the switch (10 s unless asked otherwise)")
    demo.play("provision", "provision")
    # For who comes here again: commit 1 may not know what commit 2 has made of its data.
    if prepare := getattr(example, "prepare", None):
        prepare(demo)
    first = demo.first_commit()
    demo.play(f"deploy commit 1 ({first[:7]}) to staging", "deploy_staging", version=first)
    demo.play("promote it to production", "promote")
    demo.show(example, "first")
    # Who comes here again has rolled production back from commit 2, and has to say why it is good now.
    again = demo.newest_commit() != first
    second = demo.second_commit(name)
    demo.play(f"deploy commit 2 ({second[:7]}) to staging", "deploy_staging", version=second)
    demo.show(example, "before second")
    why = {"skip_gates": "not_rolled_back", "reason": "the demo once more"} if again else {}
    demo.play("promote it to production too", "promote", **why)
    demo.show(example, "second")
    demo.show(example, "before back")
    demo.play("roll production back", "rollback")
    demo.show(example, "back")


def summary(demo: Demo, example: Example, seconds: float) -> str:
    """What is live where according to the public ports, and what to type next. Raises ToolError if they disagree."""
    width = max(len(what) for what, _, _ in demo.times)
    lines = ["", "How long it took"]
    lines += [f"   {what:<{width}} {took:6.1f} s   {note}".rstrip() for what, took, note in demo.times]
    lines += [f"   {'together':<{width}} {seconds:6.1f} s", "", "What is live where"]
    releases = {}
    for environment in ("staging", "production"):
        releases[environment], version = example.version(demo, environment)
        address = f"http://127.0.0.1:{demo.port(environment)}"
        lines.append(f"   {environment:<11} {address}   {version}, release {releases[environment]}")
    lines += example.closing(demo)
    commits = [release.rpartition("-")[2] for release in releases.values()]
    if commits[0] == commits[1]:
        raise ToolError(f"staging and production both run {commits[0]}, though production was rolled back")
    ansible, words = f".venv/bin/ansible-playbook -i {demo.inventory} playbooks", demo.words
    lines += [
        "",
        "What to type next",
        f"   {ansible}/status.yml{words}             what runs where, and what a rollback would do",
        f"   {ansible}/promote.yml{words} --check    what a promote would do; without --check it does it",
        f"   {ansible}/deploy_staging.yml{words} -e version=main",
        "   make lab-down                    remove the lab with all traces",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tools/demo.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("--name", default=DEFAULT_NAME, help="the lab, which must be up")
    parser.add_argument("--stack", default=DEFAULT_STACK, help=f"which example, or {ALL}")
    options = parser.parse_args(arguments)
    for stack in examples() if options.stack == ALL else [options.stack]:
        begin = time.monotonic()
        example = example_of(stack)
        demo = Demo.of(options.name, stack)
        play_all(demo, example, options.name)
        print(summary(demo, example, time.monotonic() - begin), flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ToolError as problem:
        progress.say(str(problem))
        sys.exit(1)
    except KeyboardInterrupt:
        progress.say("interrupted; 'make demo' again carries on")
        sys.exit(130)
