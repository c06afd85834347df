# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivering notifications: in separate processes, with retries and a deadline, never blocking an operation."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import json
import os
import random
import signal
import ssl
import syslog
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..errors import RefusedError
from ..paths import NOTIFICATION_SETTINGS, NOTIFICATIONS
from ..releases.events import Event
from ..rendering.notifications import Target, body, read_targets
from ..util.files import write_atomically
from ..util.lazy import lazy_import

# Few hosts have notifications configured.
if TYPE_CHECKING:
    from urllib import error as urllib_error
    from urllib import request as urllib_request
else:
    urllib_error, urllib_request = lazy_import("urllib.error"), lazy_import("urllib.request")


DEADLINE_SECONDS = 60.0
REQUEST_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0


class GaveUpError(Exception):
    """Why a notification could not be delivered. Never contains the address."""


def load(path: str = NOTIFICATION_SETTINGS) -> list[Target]:
    """The targets of this host; none where nothing was configured. Raises RefusedError."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except FileNotFoundError:
        return []
    except ValueError:
        data = None
    return read_targets(data, path)


def deliver(
    target: Target,
    event: Event,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Send one event to one target. Returns the number of attempts; raises GaveUpError."""
    opener = _opener()
    data = body(target, event)
    deadline = clock() + deadline_seconds
    pause, attempt = FIRST_PAUSE_SECONDS, 0
    while True:
        attempt += 1
        left = deadline - clock()
        cause, asked = _attempt(opener, target, data, max(0.1, min(REQUEST_SECONDS, left)))
        if not cause:
            return attempt
        # Random jitter, so that several hosts do not retry at the same moment.
        rest = max(asked, pause * random.uniform(0.8, 1.2))
        if clock() + rest >= deadline:
            raise GaveUpError(f"{cause}, after {attempt} attempt{'s' if attempt > 1 else ''}")
        wait(rest)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _opener() -> urllib_request.OpenerDirector:
    """Never follows a redirect: the URL is a secret and would leak to another host."""

    class NoRedirects(urllib_request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any, **more: Any) -> None:
            return None

    https = urllib_request.HTTPSHandler(context=ssl.create_default_context())
    return urllib_request.build_opener(NoRedirects(), https)


def _attempt(opener: urllib_request.OpenerDirector, target: Target, data: bytes, seconds: float) -> tuple[str, float]:
    """Returns the cause of a temporary failure and the requested pause. Raises GaveUpError for any other failure."""
    headers = {"Content-Type": "application/json", "User-Agent": "onehost-release"}
    request = urllib_request.Request(target.url, data=data, headers=headers, method="POST")
    try:
        with opener.open(request, timeout=seconds) as response:
            response.read(4096)
        return "", 0.0
    except urllib_error.HTTPError as error:
        with error:
            if error.code == 429 or error.code >= 500:
                return f"HTTP {error.code}", retry_after(error.headers.get("Retry-After", ""), time.time())
            raise GaveUpError(f"HTTP {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        # The error's own text may contain the address, so only its type is reported.
        return f"no answer ({type(reason).__name__})", 0.0


def retry_after(text: str, now: float) -> float:
    """Seconds from a Retry-After header: a number, or an HTTP date. 0 if it is unusable."""
    with contextlib.suppress(ValueError):
        return max(0.0, float(text))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    return 0.0


class Webhooks:
    """Notifies the targets of this host. Failures are recorded and never raised."""

    def __init__(
        self,
        settings: str = NOTIFICATION_SETTINGS,
        state: str = NOTIFICATIONS,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.settings = settings
        self.state = state
        self.deadline_seconds = deadline_seconds

    def notify(self, event: Event, wait: bool = False) -> None:
        """Start one process for each target that wants the event. With `wait`, return when all have ended."""
        try:
            children = [self._start(target, event) for target in load(self.settings) if target.wants(event)]
        except (OSError, RefusedError) as error:
            _log(f"cannot send notifications: {error}")
            return
        if wait:
            for child in children:
                os.waitpid(child, 0)

    def _start(self, target: Target, event: Event) -> int:
        child = os.fork()
        if child:
            return child
        try:
            os.setsid()
            # Close everything inherited from the parent: its lock would outlive it, and its caller would wait for us.
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            os.closerange(3, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 20 else 1 << 16)
            for number in (signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGALRM, _too_long)
            signal.setitimer(signal.ITIMER_REAL, self.deadline_seconds + 5)
            self.deliver_and_note(target, event)
        finally:
            # Not sys.exit: that would run the parent's exit handlers.
            os._exit(0)

    def deliver_and_note(self, target: Target, event: Event) -> str:
        """Deliver, and record the result for `onehost status`. Returns the trouble, or an empty string."""
        trouble = ""
        try:
            deliver(target, event, deadline_seconds=self.deadline_seconds)
        except (GaveUpError, TimeoutError) as error:
            trouble = str(error)
            _log(f"{target.name} ({target.type}) could not be notified of {event.event}: {trouble}")
        with contextlib.suppress(OSError):
            os.makedirs(self.state, mode=0o755, exist_ok=True)
            note = {"name": target.name, "event": event.event, "at": time.time(), "trouble": trouble}
            write_atomically(os.path.join(self.state, f"{target.name}.json"), json.dumps(note).encode(), 0o644)
        return trouble

    def troubles(self) -> list[str]:
        """Targets whose last notification could not be delivered, for people."""
        found = []
        for name in sorted(os.listdir(self.state)) if os.path.isdir(self.state) else []:
            with contextlib.suppress(OSError, ValueError), open(os.path.join(self.state, name), "rb") as file:
                note = json.load(file)
                if note["trouble"]:
                    moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(note["at"]))
                    found.append(f"{note['name']}: {note['event']} of {moment} not delivered: {note['trouble']}")
        return found

    def test(self, event: Event) -> Iterable[tuple[str, str]]:
        """Send a test to every target, whichever events it wants. Yields (name, trouble). Raises RefusedError."""
        for target in load(self.settings):
            yield target.name, self.deliver_and_note(target, event)


def _too_long(*_arguments: Any) -> None:
    raise TimeoutError("it took too long")


def _log(text: str) -> None:
    syslog.openlog("onehost", 0, syslog.LOG_USER)
    syslog.syslog(syslog.LOG_ERR, f"notification: {text}")
