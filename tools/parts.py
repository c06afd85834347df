"""The parts of `make test`: tools/parts.py lint unit e2e ...

Parts that use every core run first, one after the other; the first failure stops the run. The others mostly wait for
labs and browsers, so some of them run at the same time: whoever has ended one begins the next. One that fails keeps no
other from running: what is wrong is known at once. A table at the end shows where the time went. What failed follows
it, with the error messages, because a long log is often read from its end.
"""

from __future__ import annotations

import contextlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".lab" / "parts"
#: Parts that run beside each other, the longest first; all other parts run before, one by one.
BESIDE = ("e2e", "beside", "data", "faults", "samples", "molecule", "attack", "upgrade", "sanity", "readme", "browser")
#: So many at a time: two cores are busy with more.
AT_ONCE = 3
#: The whole suite may never take longer, in seconds.
LONGEST_SECONDS = 45 * 60
SHOWN = 15
LAST_LINES = 12

# Durations that tools print themselves: pytest's --durations, and `make lint`.
DURATION = re.compile(r"^\s*([\d.]+)s (setup|call|teardown)\s+(\S.*)$")
TOOK = re.compile(r"^took ([\d.]+) s: (.+)$")
# Steps of molecule, timed by when their lines appear.
STEP = re.compile(r"(\w+) (?:➜|>) (\w+): (Executing|Executed)")
COLOUR = re.compile(r"\x1b\[[\d;]*m")

printing = threading.Lock()
running: list[subprocess.Popen[str]] = []
#: Told to end: whoever has ended a part begins no other.
ending = threading.Event()


@dataclass
class Part:
    """One part that ran, and where its time went."""

    name: str
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    passed: bool = False
    spent: list[tuple[float, str]] = field(default_factory=list)
    step: tuple[float, str] | None = None

    def read(self, line: str) -> None:
        """Record the duration in a line of the output, if there is one."""
        line = COLOUR.sub("", line)
        if found := DURATION.match(line):
            self.spent.append((float(found[1]), f"{found[2]} of {found[3]}"))
        elif found := TOOK.match(line):
            self.spent.append((float(found[1]), found[2]))
        elif found := STEP.search(line):
            self.end_step()
            if found[3] == "Executing":
                self.step = (time.monotonic(), f"{found[1]}, {found[2]}")

    def end_step(self) -> None:
        if self.step:
            begun, what = self.step
            self.spent.append((time.monotonic() - begun, what))
        self.step = None


def run(name: str, mark: str = "") -> Part:
    """Run one part to its end. Its output is shown, each line prefixed with the part's name, and kept."""
    part = Part(name)
    process = subprocess.Popen(
        ["make", name],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    running.append(process)
    log = LOGS / f"{name}.log"
    assert process.stdout is not None
    with log.open("w", encoding="utf-8") as file:
        for line in process.stdout:
            part.read(line)
            file.write(line)
            say(mark + line.rstrip("\n"))
    part.passed = process.wait() == 0
    running.remove(process)
    part.end_step()
    part.seconds = time.monotonic() - part.begun
    say(f"{mark}test: {name} {'passed in' if part.passed else 'FAILED after'} {part.seconds:.0f} s")
    if not part.passed:
        log.rename(log.with_suffix(".failed"))
    return part


def run_next(waiting: queue.SimpleQueue[str], done: list[Part]) -> None:
    """Run what nobody has begun yet, until nothing is left."""
    while not ending.is_set():
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        done.append(run(name, f"{name} | "))


def say(text: str) -> None:
    with printing:
        print(text, flush=True)


def table(parts: list[Part]) -> Iterator[str]:
    """Where the time went: the parts in the order they ended, and their longest steps."""
    yield ""
    yield "  seconds  part"
    for part in parts:
        yield f"  {part.seconds:7.0f}  {part.name}{'' if part.passed else ' (failed)'}"
    spent = sorted(((seconds, part.name, what) for part in parts for seconds, what in part.spent), reverse=True)
    if spent:
        yield ""
        yield "  seconds  what took longest"
    for seconds, name, what in spent[:SHOWN]:
        yield f"  {seconds:7.1f}  {name}: {what}"
    yield ""


def what_failed(failed: list[str], seconds: float) -> Iterator[str]:
    """The names of failed tests from pytest's summary; for other tools, their last lines."""
    for name in failed:
        log = LOGS / f"{name}.failed"
        lines = log.read_text(encoding="utf-8").splitlines()
        named = [line[:600] for line in lines if line.startswith(("FAILED ", "ERROR "))]
        yield f"{name} failed (its whole output: {log.relative_to(ROOT)}):"
        yield from (f"  {line}" for line in (named or lines)[-LAST_LINES:])
        yield ""
    yield f'test: FAILED after {seconds:.0f} s; once more, that part alone: make test ONLY="{" ".join(failed)}"'


def end(number: int, _: FrameType | None) -> None:
    """Stop the running parts, then this program; `tools/lab sweep` removes their labs."""
    ending.set()
    for process in running[:]:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
    raise SystemExit(128 + number)


def main(names: list[str]) -> int:
    signal.signal(signal.SIGTERM, end)
    begun = time.monotonic()
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    beside = [name for name in BESIDE if name in names]
    if len(beside) < 2:
        beside = []
    done: list[Part] = []
    for name in names:
        if name not in beside:
            done.append(run(name))
            if not done[-1].passed:
                beside = []
                break
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in beside:
        waiting.put(name)
    threads = [threading.Thread(target=run_next, args=(waiting, done)) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    for line in table(done):
        say(line)
    failed = [part.name for part in done if not part.passed]
    if failed:
        sys.stdout.flush()
        print("\n".join(what_failed(failed, seconds)), file=sys.stderr, flush=True)
        return 1
    say(f"test: everything passed ({' '.join(names)}) in {seconds:.0f} s")
    if seconds > LONGEST_SECONDS:
        say(f"test: that is longer than the {LONGEST_SECONDS // 60} minutes that it may ever take")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
