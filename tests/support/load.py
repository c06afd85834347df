"""A load generator in a process of its own: open loop, exact accounting, loopback only.

Requests are sent by the clock, whatever became of earlier ones, so a stall shows up as latency and not as fewer
requests; latency counts from the moment when a request was due. Every due request is counted once: answered
completely by one release, or failed, with its moment and cause. Every answer of the examples' apps names its release
in its body; one that differs from the header X-Release would be a mix of two.

    with Load([Target("home", port, "/health")], rate=100) as load:
        ...                    # break something
        window = load.take()   # exact figures since the start, or since the last take
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

LOOPBACK = "127.0.0.1"
#: The edge's Keep-Alive timeout: a connection that was idle for longer may be closed as it is used.
KEEP_SECONDS = 60.0
#: Longer than the router holds a request for an app that is being replaced.
ANSWER_SECONDS = 20.0
#: A generator that its owner never stops ends by itself after this time.
LONGEST_SECONDS = 3600.0
MOST_REQUESTS = 5_000_000
LATE_SECONDS = 0.05
FAILURES_KEPT = 100
PING_SECONDS = 1.0
GOING_AWAY = 1001


@dataclass(frozen=True)
class Target:
    """The request. A POST sends JSON and expects it back under `echo`."""

    name: str
    port: int
    path: str
    host: str = "localhost"
    method: str = "GET"


@dataclass
class Sockets:
    """The results of the WebSockets."""

    opened: int = 0
    echoes: int = 0
    mismatches: int = 0
    #: Closed by the app with 1001 (going away), as it does on a stop.
    clean: int = 0
    #: Cut without a close frame, or closed with another code.
    broken: int = 0
    refused: int = 0
    causes: dict[str, int] = field(default_factory=dict)


@dataclass
class Window:
    """Figures of the requests that were due between two takes."""

    seconds: float = 0.0
    sent: int = 0
    answered: int = 0
    failed: int = 0
    #: Failed, by cause.
    causes: dict[str, int] = field(default_factory=dict)
    #: The first failures: seconds since the window began, target, cause.
    failures: list[tuple[float, str, str]] = field(default_factory=list)
    by_target: dict[str, int] = field(default_factory=dict)
    fresh: int = 0
    kept_alive: int = 0
    #: By environment port: each change of the release that answers, with its second.
    releases: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    #: Requests that the generator itself sent more than 50 ms late, and the worst delay.
    late: int = 0
    latest: float = 0.0
    #: The longest time without an answer.
    gap: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    worst: float = 0.0
    sockets: Sockets = field(default_factory=Sockets)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Window:
        data = dict(data)
        data["sockets"] = Sockets(**data["sockets"])
        data["failures"] = [(float(at), str(target), str(cause)) for at, target, cause in data["failures"]]
        data["releases"] = {port: [(at, name) for at, name in seen] for port, seen in data["releases"].items()}
        return cls(**data)

    def seen(self, port: int) -> list[str]:
        """The releases that answered on a port, in order, each once for each time that it took over."""
        return [name for _, name in self.releases.get(str(port), [])]

    def __add__(self, other: Window) -> Window:
        """Both windows as one. Latencies cannot be merged exactly: the worse of each is kept."""
        sockets = Sockets(
            **{
                name: getattr(self.sockets, name) + getattr(other.sockets, name)
                for name in ("opened", "echoes", "mismatches", "clean", "broken", "refused")
            },
            causes=dict(Counter(self.sockets.causes) + Counter(other.sockets.causes)),
        )
        return Window(
            seconds=self.seconds + other.seconds,
            sent=self.sent + other.sent,
            answered=self.answered + other.answered,
            failed=self.failed + other.failed,
            causes=dict(Counter(self.causes) + Counter(other.causes)),
            failures=(self.failures + [(at + self.seconds, target, cause) for at, target, cause in other.failures])[
                :FAILURES_KEPT
            ],
            by_target=dict(Counter(self.by_target) + Counter(other.by_target)),
            fresh=self.fresh + other.fresh,
            kept_alive=self.kept_alive + other.kept_alive,
            releases={
                port: self.releases.get(port, [])
                + [(at + self.seconds, name) for at, name in other.releases.get(port, [])]
                for port in self.releases.keys() | other.releases.keys()
            },
            late=self.late + other.late,
            latest=max(self.latest, other.latest),
            gap=max(self.gap, other.gap),
            p50=max(self.p50, other.p50),
            p99=max(self.p99, other.p99),
            worst=max(self.worst, other.worst),
            sockets=sockets,
        )

    def line(self) -> str:
        """One line for people."""
        text = (
            f"{self.sent} requests, {self.failed} failed, longest gap {self.gap * 1000:.0f} ms, "
            f"p50 {self.p50 * 1000:.1f} ms, p99 {self.p99 * 1000:.0f} ms"
        )
        if self.late:
            text += f", {self.late} late starts (worst {self.latest * 1000:.0f} ms)"
        if self.sockets.opened:
            s = self.sockets
            text += f"; WebSockets: {s.opened} opened, {s.echoes} echoes, {s.clean} closed cleanly, {s.broken} broken"
        if self.causes:
            text += "; " + ", ".join(f"{cause}: {count}" for cause, count in sorted(self.causes.items()))
        return text


class Load:
    """The generator, as a test uses it."""

    def __init__(
        self,
        targets: Sequence[Target],
        rate: float,
        *,
        sockets: Sequence[Target] = (),
        fresh: float = 0.5,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`sockets` are WebSockets to keep open, one for each entry; `fresh` is the share of new connections."""
        self._plan = {
            "targets": [asdict(target) for target in targets],
            "sockets": [asdict(target) for target in sockets],
            "rate": rate,
            "fresh": fresh,
            "answer_seconds": answer_seconds,
        }
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Load:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._write(json.dumps(self._plan))
        # The line that says that the first request was sent.
        self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def take(self) -> Window:
        """End the window and return its figures, once each of its requests was answered or given up."""
        self._write("take")
        return Window.from_json(json.loads(self._read()))

    def _write(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the load generator ended by itself"
        return line


# From here on: inside the generator's own process.


class BrokenAnswerError(Exception):
    """No whole answer came; says why."""


@dataclass
class _Tally:
    """One window while it is open."""

    begun: float
    window: Window = field(default_factory=Window)
    latencies: list[float] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    by_target: Counter[str] = field(default_factory=Counter)
    socket_causes: Counter[str] = field(default_factory=Counter)
    open: int = 0
    last_answer: float = 0.0
    quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def answered(self, now: float) -> None:
        self.window.gap = max(self.window.gap, now - (self.last_answer or self.begun))
        self.last_answer = now

    def result(self, now: float) -> Window:
        window, latencies = self.window, sorted(self.latencies)
        window.seconds = now - self.begun
        window.gap = max(window.gap, now - (self.last_answer or self.begun))
        if latencies:
            window.p50 = latencies[len(latencies) // 2]
            window.p99 = latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]
            window.worst = latencies[-1]
        window.causes, window.by_target = dict(self.causes), dict(self.by_target)
        window.sockets.causes = dict(self.socket_causes)
        return window


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        #: Requests that it has carried.
        self.used = 0
        #: When its last answer was read.
        self.rested = time.monotonic()
        #: How long it had been idle before its current request.
        self.rest = 0.0

    @classmethod
    async def open(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection(LOOPBACK, port))

    async def ask(self, message: bytes) -> tuple[_Answer, bool]:
        """Send a request and read its whole answer; the second value says whether the connection stays open."""
        self.rest = time.monotonic() - self.rested
        self.writer.write(message)
        self.used += 1
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            kept = f"a connection kept for {self.rest:.0f} s was" if self.used > 1 else ""
            when = f"{kept} closed before the answer".strip()
            raise BrokenAnswerError(when if not error.partial else "cut within the head") from None
        lines = head.decode("latin-1").split("\r\n")
        try:
            status = int(lines[0].split(" ", 2)[1])
        except (IndexError, ValueError):
            raise BrokenAnswerError(f"no HTTP: {lines[0][:40]!r}") from None
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        stays = headers.get("connection", "").lower() != "close"
        try:
            if "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding", "").lower() == "chunked":
                body = await self._chunks()
            elif status in (101, 204, 304):
                body = b""
            else:
                body, stays = await self.reader.read(-1), False
        except asyncio.IncompleteReadError:
            raise BrokenAnswerError("cut within the body") from None
        return _Answer(status, headers, body), stays

    async def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while True:
            size = int((await self.reader.readline()).split(b";")[0] or b"0", 16)
            part = await self.reader.readexactly(size + 2)
            if size == 0:
                return b"".join(parts)
            parts.append(part[:-2])

    def close(self) -> None:
        self.writer.close()


class _Generator:
    def __init__(self, plan: dict[str, Any]) -> None:
        self.targets = [Target(**target) for target in plan["targets"]]
        self.sockets = [Target(**target) for target in plan["sockets"]]
        self.rate = float(plan["rate"])
        self.fresh = float(plan["fresh"])
        self.answer_seconds = float(plan["answer_seconds"])
        self.idle: dict[int, list[_Connection]] = {}
        self.tally = _Tally(time.monotonic())
        self.tasks: set[asyncio.Task[None]] = set()
        #: The release that answered last, by port: only changes are written down.
        self.last_release: dict[int, str] = {}

    async def run(self) -> None:
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        schedule = asyncio.create_task(self._schedule())
        sockets = [asyncio.create_task(self._socket(target)) for target in self.sockets]
        print("started", flush=True)
        while await commands.readline():
            print(json.dumps(asdict(await self._take())), flush=True)
        for task in (schedule, *sockets, *self.tasks):
            task.cancel()

    async def _take(self) -> Window:
        old, self.tally = self.tally, _Tally(time.monotonic())
        for port, name in self.last_release.items():
            self.tally.window.releases[str(port)] = [(0.0, name)]
        now = time.monotonic()
        if old.open:
            await old.quiet.wait()
        return old.result(now)

    async def _schedule(self) -> None:
        begun = time.monotonic()
        for number in range(MOST_REQUESTS):
            due = begun + number / self.rate
            if due - begun > LONGEST_SECONDS:
                return
            # Below a millisecond asyncio's timer is too coarse; such requests are sent together.
            if (left := due - time.monotonic()) > 0.001:
                await asyncio.sleep(left)
            tally, late = self.tally, time.monotonic() - due
            if late > LATE_SECONDS:
                tally.window.late += 1
                tally.window.latest = max(tally.window.latest, late)
                if number % 50 == 0:
                    # Catching up must not keep the answers from being read.
                    await asyncio.sleep(0)
            tally.window.sent += 1
            tally.open += 1
            task = asyncio.create_task(self._request(number, due, tally))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _request(self, number: int, due: float, tally: _Tally) -> None:
        target = self.targets[number % len(self.targets)]
        tally.by_target[target.name] += 1
        # Spread evenly, and not in step with the targets.
        fresh = (number * 0.6180339887) % 1.0 < self.fresh
        try:
            async with asyncio.timeout(self.answer_seconds):
                answer = await self._ask(target, number, fresh, tally)
            self._check(target, number, answer, tally, due)
        except TimeoutError:
            self._failed(tally, target, due, f"no answer within {self.answer_seconds:g} s")
        except BrokenAnswerError as error:
            self._failed(tally, target, due, str(error))
        except OSError as error:
            self._failed(tally, target, due, type(error).__name__)
        finally:
            tally.open -= 1
            if tally.open == 0 and tally is not self.tally:
                tally.quiet.set()

    def _failed(self, tally: _Tally, target: Target, due: float, cause: str) -> None:
        tally.window.failed += 1
        tally.causes[cause] += 1
        if len(tally.window.failures) < FAILURES_KEPT:
            tally.window.failures.append((round(due - tally.begun, 3), target.name, cause))

    async def _ask(self, target: Target, number: int, fresh: bool, tally: _Tally) -> _Answer:
        body = json.dumps({"number": number, "filler": "x" * 200}).encode() if target.method == "POST" else b""
        lines = [
            f"{target.method} {target.path} HTTP/1.1",
            f"Host: {target.host}",
            "User-Agent: onehost-load",
            "Accept: application/json",
        ]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if fresh:
            lines.append("Connection: close")
        message = "\r\n".join([*lines, "", ""]).encode() + body
        connection = None if fresh else self._idle(target.port)
        if connection is None:
            connection = await _Connection.open(target.port)
        keep = False
        try:
            answer, stays = await connection.ask(message)
            keep = stays and not fresh
        finally:
            if keep:
                connection.rested = time.monotonic()
                self.idle.setdefault(target.port, []).append(connection)
            else:
                connection.close()
        tally.window.fresh += connection.used == 1
        tally.window.kept_alive += connection.used > 1
        return answer

    def _idle(self, port: int) -> _Connection | None:
        """An idle connection that, as far as can be known, the server has not closed and is not about to close."""
        connections = self.idle.get(port, [])
        while connections:
            connection = connections.pop()
            rest = time.monotonic() - connection.rested
            if rest < KEEP_SECONDS and not connection.reader.at_eof() and not connection.writer.is_closing():
                return connection
            connection.close()
        return None

    def _check(self, target: Target, number: int, answer: _Answer, tally: _Tally, due: float) -> None:
        now = time.monotonic()
        if answer.status >= 400:
            raise BrokenAnswerError(f"HTTP {answer.status}")
        release = answer.headers.get("x-release", "")
        try:
            data = json.loads(answer.body)
        except ValueError:
            raise BrokenAnswerError("an answer without JSON") from None
        if not release or data.get("release") != release:
            raise BrokenAnswerError(f"a mix: the head names {release or 'none'}, the body {data.get('release')}")
        if target.method == "POST" and data.get("echo", {}).get("number") != number:
            raise BrokenAnswerError("an answer to another request")
        if self.last_release.get(target.port) != release:
            self.last_release[target.port] = release
            tally.window.releases.setdefault(str(target.port), []).append((round(now - tally.begun, 3), release))
        tally.window.answered += 1
        tally.latencies.append(now - due)
        tally.answered(now)

    # WebSockets

    async def _socket(self, target: Target) -> None:
        while True:
            try:
                await self._one_socket(target)
            except (OSError, BrokenAnswerError, asyncio.IncompleteReadError) as error:
                self.tally.window.sockets.broken += 1
                self.tally.socket_causes[str(error) or type(error).__name__] += 1
            # A client that was sent away reconnects, but not in a storm.
            await asyncio.sleep(0.2)

    async def _one_socket(self, target: Target) -> None:
        """One WebSocket from its opening to its clean close. Raises if it breaks."""
        reader, writer = await asyncio.open_connection(LOOPBACK, target.port)
        try:
            key = base64.b64encode(os.urandom(16)).decode()
            writer.write(
                f"GET {target.path} HTTP/1.1\r\nHost: {target.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
            )
            async with asyncio.timeout(self.answer_seconds):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            if " 101 " not in head.split("\r\n", 1)[0]:
                self.tally.window.sockets.refused += 1
                self.tally.socket_causes[head.split("\r\n", 1)[0]] += 1
                return
            self.tally.window.sockets.opened += 1
            headers = dict(line.lower().partition(": ")[::2] for line in head.split("\r\n")[1:] if line)
            greeting = await _frame(reader)
            if isinstance(greeting, bytes) and json.loads(greeting).get("release", "").lower() != headers.get(
                "x-release"
            ):
                self.tally.window.sockets.mismatches += 1
            pings = asyncio.create_task(self._ping(writer))
            try:
                while isinstance(message := await _frame(reader), bytes):
                    self.tally.window.sockets.echoes += message.startswith(b"ping ")
            finally:
                pings.cancel()
            if message != GOING_AWAY:
                raise BrokenAnswerError(f"closed with {message}")
            self.tally.window.sockets.clean += 1
            writer.write(_masked(8, struct.pack("!H", GOING_AWAY)))
        finally:
            writer.close()

    async def _ping(self, writer: asyncio.StreamWriter) -> None:
        number = 0
        while True:
            await asyncio.sleep(PING_SECONDS)
            number += 1
            writer.write(_masked(1, f"ping {number}".encode()))


def _masked(code: int, data: bytes) -> bytes:
    """A client's frame of less than 126 bytes (RFC 6455, 5.2)."""
    mask = os.urandom(4)
    return bytes([0x80 | code, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


async def _frame(reader: asyncio.StreamReader) -> bytes | int:
    """The next message, or the code of a close frame; pings of the server are ignored."""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
        data = await reader.readexactly(size)
        code = first & 0x0F
        if code == 8:
            return int.from_bytes(data[:2], "big") if len(data) >= 2 else 1005
        if code in (1, 2):
            return data


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_Generator(json.loads(sys.stdin.readline())).run())
