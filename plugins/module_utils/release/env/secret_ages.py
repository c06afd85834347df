# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How old each secret is: a salted fingerprint of its value, and since when it has been this value.

The fingerprint is keyed with a random salt of the host, so the record, which only root can read, does not help anyone
guess a short value that is used elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import TypedDict

from .matrix import Key
from .matrix_check import COMMON, DAY

FORMAT = 1


KEPT_NOTES = 20


#: The key for the JWT private key, in the record beside the matrix's keys.
JWT = "jwt_private.pem"


KEY_FILES = "keys"


class SecretAge(TypedDict):
    """The salted fingerprint of a value, and since when (seconds since the epoch) the secret has had it."""

    fingerprint: str
    since: float


class Note(TypedDict):
    """Where values came from if not from their source, and when."""

    at: float
    note: str


class SecretRecord(TypedDict, total=False):
    """secrets.json on the host: ages by `<environment>/<key>`. Empty if nothing was recorded yet."""

    format: int
    salt: str
    secrets: dict[str, SecretAge]
    notes: list[Note]
    offline: str


def updated(
    record: SecretRecord, values: Mapping[tuple[str, str], str], now: float, note: str | None = None
) -> SecretRecord:
    """The record updated with today's values, by (environment, key); missing ones are dropped. `note` says where new
    values came from if not from their source; an empty one clears it, None leaves it."""
    salt = str(record.get("salt") or secrets.token_hex(32))
    known = record.get("secrets", {})
    result: dict[str, SecretAge] = {}
    for (environment, name), value in sorted(values.items()):
        label = f"{environment}/{name}"
        print_of_value = _fingerprint(salt, label, value)
        old = known.get(label)
        since = old["since"] if old and old["fingerprint"] == print_of_value else now
        result[label] = {"fingerprint": print_of_value, "since": since}
    notes: list[Note] = list(record.get("notes", []))
    if note:
        notes = [*notes, Note(at=now, note=note)][-KEPT_NOTES:]
    offline = record.get("offline", "") if note is None else note
    return {"format": FORMAT, "salt": salt, "secrets": result, "notes": notes, "offline": offline}


def salted(record: SecretRecord, now: float) -> SecretRecord:
    """The record with a salt, which the first operation on a host needs before anything was recorded."""
    return record if record.get("salt") else updated(record, {}, now)


def content_fingerprint(record: SecretRecord, label: str, content: bytes) -> str:
    """A fingerprint of content that holds secrets, for a file that others may read: without the salt nobody can try
    values on it. Empty without a salt, which is what nothing has that was recorded."""
    salt = str(record.get("salt", ""))
    return hmac.new(salt.encode(), label.encode() + b"\0" + content, hashlib.sha256).hexdigest() if salt else ""


def secret_values(matrix: Mapping[str, Key], layers: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], str]:
    """Values whose age matters, by (environment, key)."""
    return {
        (environment, name): value
        for environment in layers
        if environment != COMMON
        for name, value in {**layers.get(COMMON, {}), **layers[environment]}.items()
        if (key := matrix.get(name)) and (key.is_secret or key.max_age_days) and value
    }


def days(record: SecretRecord, now: float) -> dict[tuple[str, str], float]:
    """How many days ago each value last changed, by (environment, key)."""
    result = {}
    for label, item in record.get("secrets", {}).items():
        environment, _separator, name = label.partition("/")
        result[environment, name] = max(0.0, (now - float(item["since"])) / DAY)
    return result


def due(matrix: Mapping[str, Key], ages_days: Mapping[tuple[str, str], float], within: float = 14.0) -> list[str]:
    """Secrets to rotate now or within this many days, most urgent first, as lines for people."""
    rows = []
    for (environment, name), age in ages_days.items():
        allowed = 90 if environment == KEY_FILES else (matrix[name].max_age_days if name in matrix else 0)
        if allowed and age > allowed - within:
            left = allowed - age
            word = f"due for {-left:.0f} days" if left < 0 else f"due in {left:.0f} days"
            rows.append((left, f"{name} ({environment}): {word}, last changed {age:.0f} days ago"))
    return [row[1] for row in sorted(rows)]


def changed(before: SecretRecord, after: SecretRecord) -> list[str]:
    """Labels of values that are new or have changed."""
    known = {label: item["fingerprint"] for label, item in before.get("secrets", {}).items()}
    return [label for label, item in after.get("secrets", {}).items() if known.get(label) != item["fingerprint"]]


def _fingerprint(salt: str, label: str, value: str) -> str:
    return hmac.new(salt.encode(), f"{label}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]
