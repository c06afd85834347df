# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Doppler's secrets of one config, over HTTP. Runs on the control machine with the standard library only.
#
# If Doppler cannot deliver, that is an error. The copy of the last good answer has two uses only: its ETag, so that an
# unchanged config is not sent again, and work without network, which must be requested. No message contains the token
# or a value.
import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BASE_URL = "https://api.doppler.com"
PATH = "/v3/configs/config/secrets/download"
#: Per attempt; the deadline bounds all attempts together.
ATTEMPT_SECONDS = 10.0
DEADLINE_SECONDS = 45.0
#: Lets an attempt's own timeouts, which give a better cause, fire first.
GRACE_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
#: A config is a few kilobytes. Anything larger is not an answer from Doppler.
LARGEST_BYTES = 4_000_000
#: Doppler adds these to every config.
OWN_NAMES = ("DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class DopplerError(Exception):
    """Why there are no values, and the fix."""


class _RetryError(Exception):
    """A failed attempt that is worth retrying, after `pause` seconds if the server said so."""

    def __init__(self, cause: str, pause: float | None = None) -> None:
        super().__init__(cause)
        self.pause = pause


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Never follow redirects: they would send the token to another host."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    """The values, and when they were fetched or last confirmed (seconds since the epoch)."""

    values: dict[str, str] = field(repr=False)
    moment: float
    offline: bool = False

    def copied(self) -> str:
        """When the values were last known to be right; the same on every call."""
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.moment))

    def age(self, now: float) -> str:
        seconds = max(0.0, now - self.moment)
        for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
            if seconds >= size:
                count = int(seconds // size)
                return f"{count} {word}{'s' if count != 1 else ''} old"
        return "less than a minute old"


@dataclass(frozen=True)
class Doppler:
    """One config, as its read-only service token gives access to it."""

    token: str = field(repr=False)
    #: For messages and the copy's name. A service token belongs to one config, so the server needs neither.
    name: str
    cache: str
    base_url: str = BASE_URL
    project: str = ""
    config: str = ""
    attempt_seconds: float = ATTEMPT_SECONDS
    deadline_seconds: float = DEADLINE_SECONDS
    wait: Callable[[float], None] = time.sleep

    def fetch(self) -> Answer:
        """Today's values. Raises DopplerError."""
        self._check()
        kept = self._kept()
        begun, pause, cause = time.monotonic(), FIRST_PAUSE_SECONDS, ""
        attempts = 0
        while True:
            left = self.deadline_seconds - (time.monotonic() - begun)
            if left <= 0:
                raise DopplerError(self._unreachable(cause, attempts))
            attempts += 1
            try:
                return self._bounded(kept, min(self.attempt_seconds, left))
            except _RetryError as again:
                cause = str(again)
                next_pause = again.pause if again.pause is not None else pause * random.uniform(0.7, 1.3)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            if time.monotonic() - begun + next_pause >= self.deadline_seconds:
                raise DopplerError(self._unreachable(cause, attempts))
            self.wait(next_pause)

    def last_good(self) -> Answer:
        """The copy of the last good answer. Raises DopplerError if there is none."""
        kept = self._kept()
        if kept is None:
            raise DopplerError(
                f"there is no copy of Doppler's config {self.name} on this machine to work offline with. "
                "Fix: run once without -e offline=true"
            )
        return Answer(kept["values"], float(kept["moment"]), offline=True)

    def _unreachable(self, cause: str, attempts: int) -> str:
        return (
            f"Doppler returned no values for config {self.name}: {cause} ({attempts} attempts within "
            f"{self.deadline_seconds:g} s). Fix: try again later, or -e offline=true to use the last good copy"
        )

    def _check(self) -> None:
        parts = urllib.parse.urlsplit(self.base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise DopplerError(f"{self.base_url} is not an https address: the token would be readable on the way")
        if not re.fullmatch(r"[!-~]+", self.token):
            what = "is missing" if not self.token else "contains spaces or other characters that no token has"
            raise DopplerError(
                f"the token of Doppler's config {self.name} {what}. Fix: set doppler_tokens.{self.name} from "
                f"ansible-vault, or DOPPLER_TOKEN_{self.name.upper()} in the environment"
            )

    def _bounded(self, kept: dict[str, Any] | None, seconds: float) -> Answer:
        """One attempt with a hard time limit, whatever the server does: a socket timeout restarts with every byte, and
        a name lookup has none."""
        ended: list[Answer | BaseException] = []

        def attempt() -> None:
            try:
                ended.append(self._attempt(kept, seconds))
            except BaseException as error:
                ended.append(error)

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(seconds + GRACE_SECONDS)
        if not ended:
            raise _RetryError("no answer in time")
        if isinstance(ended[0], BaseException):
            raise ended[0]
        return ended[0]

    def _attempt(self, kept: dict[str, Any] | None, seconds: float) -> Answer:
        query = {"format": "json", "include_dynamic_secrets": "false"}
        query.update({key: value for key, value in (("project", self.project), ("config", self.config)) if value})
        request = urllib.request.Request(f"{self.base_url.rstrip('/')}{PATH}?{urllib.parse.urlencode(query)}")
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        request.add_header("Accept", "application/json")
        request.add_header("User-Agent", "onehost-release")
        if kept is not None and kept.get("etag"):
            request.add_header("If-None-Match", kept["etag"])
        opener = urllib.request.build_opener(_NoRedirect)
        limit = time.monotonic() + seconds
        try:
            with opener.open(request, timeout=seconds) as response:
                body = _read(response, limit)
                etag = response.headers.get("ETag", "")
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error, kept)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise _RetryError(_cause(error)) from None
        except (http.client.HTTPException, OSError) as error:
            raise _RetryError(f"the answer was cut off ({type(error).__name__})") from None
        values = self._values(body)
        answer = Answer(values, time.time())
        self._keep(values, etag, answer.moment)
        return answer

    def _refused(self, error: urllib.error.HTTPError, kept: dict[str, Any] | None) -> Answer:
        if error.code == 304 and kept is not None:
            moment = time.time()
            self._keep(kept["values"], kept["etag"], moment)
            return Answer(kept["values"], moment)
        if error.code == 429 or error.code >= 500 or error.code == 408:
            words = "asks to slow down" if error.code == 429 else "has trouble"
            raise _RetryError(f"it {words} (HTTP {error.code})", _retry_after(error.headers.get("Retry-After")))
        if error.code in (401, 403):
            raise DopplerError(
                f"Doppler refuses the token of config {self.name} (HTTP {error.code}). Fix: make a new read-only "
                f"service token for it and set doppler_tokens.{self.name}"
            )
        # Leave out the server's own words: they might repeat a secret.
        raise DopplerError(
            f"Doppler answers HTTP {error.code} for config {self.name}. Fix: check the address and the token"
        )

    def _values(self, body: bytes) -> dict[str, str]:
        try:
            data = json.loads(body)
        except ValueError:
            # Probably a truncated answer or a proxy's page, so a retry may succeed.
            raise _RetryError("the answer is not JSON, or only a part of it") from None
        if not isinstance(data, dict):
            raise DopplerError(f"Doppler's answer for config {self.name} is not a mapping of names to values")
        if data.get("success") is False and isinstance(data.get("messages"), list):
            raise DopplerError(f"Doppler reports an error for config {self.name}")
        odd = sorted(str(name) for name, value in data.items() if not isinstance(value, str))
        odd += sorted(name for name in data if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name))
        if odd:
            shown = ", ".join(odd[:5])
            raise DopplerError(f"Doppler's answer for config {self.name} has invalid names or values: {shown}")
        values = {name: value for name, value in data.items() if name not in OWN_NAMES}
        if not values:
            raise DopplerError(f"Doppler's config {self.name} is empty. Fix: check which config the token belongs to")
        return values

    # The copy of the last good answer: one file for each config, readable by its owner only.

    def _path(self) -> str:
        label = "\0".join([self.base_url.rstrip("/"), self.project, self.config, self.token])
        return os.path.join(self.cache, f"{self.name}-{hashlib.sha256(label.encode()).hexdigest()[:16]}.json")

    def _kept(self) -> dict[str, Any] | None:
        try:
            with open(self._path(), encoding="utf-8") as file:
                kept = json.load(file)
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or not isinstance(kept.get("values"), dict) or "moment" not in kept:
            return None
        return kept

    def _keep(self, values: dict[str, str], etag: str, moment: float) -> None:
        os.makedirs(self.cache, mode=0o700, exist_ok=True)
        path = self._path()
        partial = f"{path}.{os.getpid()}.partial"
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"values": values, "etag": etag, "moment": moment}, file)
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(partial)
            raise


#: One fetch per Ansible process; a second one would only ask for the same ETag.
fetched: dict[Doppler, Answer] = {}


def _read(response: http.client.HTTPResponse, limit: float) -> bytes:
    """The whole body, within the attempt's time limit however slowly it arrives."""
    parts, size = [], 0
    while True:
        part = response.read1(65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if size > LARGEST_BYTES:
            raise DopplerError("the answer is far larger than any config: this is not Doppler")
        if time.monotonic() > limit:
            raise _RetryError("the answer takes too long")
    expected = response.headers.get("Content-Length", "")
    if re.fullmatch(r"[0-9]{1,18}", expected) and int(expected) != size:
        raise _RetryError("the answer was cut off")
    return b"".join(parts)


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait; None for a date or nonsense, so that our own pauses apply."""
    if text is None or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text.strip()):
        return None
    return float(text)


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError):
        return f"it cannot be reached ({reason.strerror or type(reason).__name__})"
    return f"it cannot be reached ({type(reason).__name__})"
