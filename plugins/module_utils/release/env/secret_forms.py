# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms in which the value of a secret turns up elsewhere: in images, in what apps and builds print."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from collections.abc import Iterable, Mapping

from ..util.addresses import without_credentials
from ..util.printable import clean

#: Shorter base64 matches by chance everywhere.
SHORTEST_BASE64 = 8
#: Shorter values stand in logs by chance (`true`, `8080`, a user name): replacing them would hide what went wrong.
SHORTEST_REPLACED = 6


def forms(value: str) -> list[bytes]:
    """A value raw, URL-encoded, within JSON, and in base64 at any offset."""
    raw = value.encode(errors="surrogateescape")
    return [
        raw,
        urllib.parse.quote(raw, safe="").encode(),
        urllib.parse.quote_plus(raw).encode(),
        json.dumps(value)[1:-1].encode(),
        json.dumps(value, ensure_ascii=False)[1:-1].encode(errors="surrogateescape"),
        *base64_forms(raw),
    ]


def base64_forms(raw: bytes) -> Iterable[bytes]:
    """Base64 of a text around the value depends on what precedes and follows it, so search only for the characters that
    the value alone determines."""
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        begin = (0, 2, 3)[shift]
        end = len(coded) - (0, 3, 2)[(shift + len(raw)) % 3]
        inner = coded[begin:end] if (shift + len(raw)) % 3 else coded[begin:]
        if len(inner) >= SHORTEST_BASE64:
            yield inner
            yield inner.replace(b"+", b"-").replace(b"/", b"_")


class Redactor:
    """Replaces the values of known secrets in texts of apps, builds and programs by `***NAME***`.

    Called with a text, it returns one line that may be shown, stored and sent.
    """

    def __init__(self, secrets: Mapping[str, Iterable[str]] | None = None) -> None:
        #: What to replace and by what, the longest first: one value may be a part of another.
        self._known: list[tuple[str, str]] = []
        self._seen: set[tuple[str, str]] = set()
        self.learn(secrets or {})

    def learn(self, secrets: Mapping[str, Iterable[str]]) -> None:
        """Know more values, each by the name of its secret."""
        new = {(name, value) for name, values in secrets.items() for value in values} - self._seen
        if not new:
            return
        self._seen |= new
        known = dict(self._known)
        for name, value in sorted(new):
            for form in _shown_forms(value):
                known.setdefault(form, f"***{name}***")
        self._known = sorted(known.items(), key=lambda item: (-len(item[0]), item))

    def __call__(self, text: object) -> str:
        written = self._replaced(str(text))
        found = clean(written)
        # Once more when no control character divides a value any longer.
        return without_credentials(found if found == written else self._replaced(found))

    def _replaced(self, text: str) -> str:
        for form, name in self._known:
            if form in text:
                text = text.replace(form, name)
        return text


def _shown_forms(value: str) -> Iterable[str]:
    """How a value may stand in one line of text: as a whole or, of several lines, one of them; and the password of an
    address, which programs print without the rest."""
    parts = [value.strip(), *(line.strip() for line in value.splitlines() if not line.startswith("-----"))]
    parts += _passwords(value)
    for part in dict.fromkeys(parts):
        if len(part) >= SHORTEST_REPLACED:
            yield from (form.decode(errors="surrogateescape") for form in forms(part))
            yield html.escape(part)
            # As one line, and as the probe of an app's health joins its words.
            yield from (line for line in (clean(part), " ".join(part.split())) if len(line) >= SHORTEST_REPLACED)


def _passwords(value: str) -> list[str]:
    try:
        password = urllib.parse.urlsplit(value).password or ""
    except ValueError:
        return []
    return [password, urllib.parse.unquote(password)]
