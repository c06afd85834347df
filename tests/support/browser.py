# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, controlled over the DevTools protocol, as far as inspecting a page needs it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
SECONDS = 20.0


def program() -> str:
    """The browser of this machine; `tools/browser` installs one where it can."""
    found = os.environ.get("ONEHOST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "no browser on this machine. Fix: tools/browser, or set ONEHOST_BROWSER to the path of a Chromium"
    return found


@dataclass
class Tab:
    """One browser page, and everything it requested or reported as an error since it was opened."""

    socket: aiohttp.ClientWebSocketResponse
    number: int = 0
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    loaded: bool = False

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.number += 1
        mine = self.number
        await self.socket.send_json({"id": mine, "method": method, "params": parameters})
        while True:
            message = await self._next()
            if message.get("id") == mine:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result

    async def open(self, url: str, width: int, height: int, scheme: str) -> None:
        """Show a page as on a device of this size in this colour scheme."""
        for part in ("Page", "Network", "Runtime", "Log"):
            await self.call(f"{part}.enable")
        phone = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        wish = {"name": "prefers-color-scheme", "value": scheme}
        await self.call("Emulation.setEmulatedMedia", features=[wish])
        self.requests.clear()
        self.complaints.clear()
        self.loaded = False
        await self.call("Page.navigate", url=url)
        while not self.loaded:
            await self._next()

    async def run(self, script: str) -> Any:
        """The value of an expression, evaluated in the page."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def screenshot(self, path: Path, part: tuple[int, int] | None = None, scale: float = 1) -> None:
        """The whole page as a PNG file, or this much of it from its upper left corner."""
        clip = {"clip": {"x": 0, "y": 0, "width": part[0], "height": part[1], "scale": scale}} if part else {}
        answer = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, **clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json(timeout=SECONDS)
        given = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(given["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(given["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(str(given))
            case "Page.loadEventFired":
                self.loaded = True
        return message


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Tab]:
    """A browser with a profile of its own, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="onehost-browser-", ignore_cleanup_errors=True) as home:
        words = [program(), *FLAGS, f"--user-data-dir={home}", "about:blank"]
        # In a group of its own: what has the browser's name may be a script that starts it.
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as session:
                port = await _port(Path(home), process)
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [page for page in await answer.json() if page["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=SECONDS)


async def _port(home: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that the browser chose, which it writes to a file once it listens."""
    file = home / "DevToolsActivePort"
    while not (file.exists() and file.read_text().strip()):
        assert process.poll() is None, f"{program()} ended with {process.returncode} before it listened"
        await asyncio.sleep(0.02)
    return int(file.read_text().split()[0])
