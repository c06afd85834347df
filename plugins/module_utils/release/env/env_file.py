# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose env files, written so that every value reaches the container byte for byte.

Compose's own reader (compose-go, dotenv) expands `$` in bare and double-quoted values and cuts bare ones at ` #`.
Within single quotes nothing is expanded and `\\'` is a quote; but a backslash before a quote or at the end cannot be
told apart from an escape, so such values are refused instead of altered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from ..errors import Problem, RefusedError

#: Of a fingerprint, in what an earlier engine wrote.
EARLIER_DIGITS = 16

_LINE = re.compile(r"(?ms)^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*('(?:\\'|[^'])*'|[^\n]*)$")


def problem_of(value: str) -> str:
    """Why Compose cannot carry this value, or an empty string if it can."""
    if "\x00" in value:
        return "contains a NUL byte, which no environment variable can hold"
    if re.search(r"\\['\"]", value) or value.endswith("\\"):
        return "has a backslash before a quote or at its end, which Compose cannot carry"
    if re.search("[\ud800-\udfff]", value):
        return "contains half a character, which cannot be written as UTF-8"
    if "\r" in value:
        return "contains a carriage return, which Compose drops"
    return ""


def format_env(values: Mapping[str, str], where: str = "env file") -> str:
    """The text of an env file, sorted by key. Raises RefusedError naming each value that cannot be carried."""
    problems = [
        Problem(f"the value of {key} {why}", where, "put it into a file that is mounted, or encode it (base64)")
        for key, value in values.items()
        if (why := problem_of(value))
    ]
    if problems:
        raise RefusedError(problems)
    lines = ["# Written by onehost.release; changes made here are replaced by the next provision.yml."]
    for key in sorted(values):
        escaped = values[key].replace("'", "\\'")
        lines.append(f"{key}='{escaped}'")
    return "\n".join(lines) + "\n"


def parse_env(text: str | bytes) -> dict[str, str]:
    """The values of a file in the form that `format_env` writes; bare values are taken literally. Bytes that are not
    UTF-8 become text that can be inspected but not written again."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    values = {}
    for match in _LINE.finditer(text):
        key, raw = match.group(1), match.group(2)
        if len(raw) >= 2 and raw[0] == raw[-1] == "'":
            values[key] = raw[1:-1].replace("\\'", "'")
        elif len(raw) >= 2 and raw[0] == raw[-1] == '"':
            values[key] = raw[1:-1]
        else:
            values[key] = re.sub(r"\s+#.*$", "", raw).strip()
    return values


def fingerprint(text: str | bytes) -> str:
    """A hash of content, to tell whether it changed. It is whole: somebody may look for two sources that have one."""
    data = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(data).hexdigest()


def as_recorded(recorded: str, found: str) -> str:
    """A fingerprint in the form of an earlier record, where they are of the same content: an earlier engine kept only
    its first digits."""
    return recorded if len(recorded) == EARLIER_DIGITS and found.startswith(recorded) else found


def is_same_content(one: str, other: str) -> bool:
    """Whether two recorded fingerprints are of the same content, either of which an earlier engine may have written."""
    return as_recorded(one, other) == one or as_recorded(other, one) == other
