# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading env files that people wrote by hand, and proposing rows of the matrix for their keys.

Every `KEY=` at the beginning of a line is a key, unless it is within quotes that another value opened and closes
again. Any other line is reported by its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .matrix import PUBLIC_PREFIXES
from .value_types import DATABASE_SCHEMES, is_url, parsed

#: Also as in YAML (`KEY: value`), and as an item of a Compose list (`- KEY=value`).
_NAME = re.compile(r"[ \t]*(?:-[ \t]+)?(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?:=|:(?=[ \t]|$))[ \t]*")
_PEM = re.compile(
    r"-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\n(?:[A-Za-z0-9+/=:,. -]*\n)*?-----END \1-----[ \t]*$", re.MULTILINE
)
#: Byte order marks of UTF-16, which editors and PowerShell on Windows write.
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}

_SECRET = re.compile(
    r"(^|_)(SECRET|SECRETS|PASSWORD|PASSWD|PASS|PWD|PASSPHRASE|TOKEN|PRIVATE|CREDENTIALS?|SALT|PEPPER|DSN|WEBHOOK"
    r"|SIGNATURE|HMAC|AUTH|(API|ACCESS|ENCRYPTION|SIGNING|MASTER|LICENSE|SERVICE_ROLE|SESSION)_?KEYS?|APIKEY|KEY)($|_)"
)
_NO_SECRET = re.compile(r"(_PATH|_FILE|_DIR|_URL|_HOST|_PORT|_ID|_TTL|_SECONDS|_EXPIRY|_EXPIRES_IN|PUBLIC_KEY)$")
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|^(sk|rk)_(live|test)_|^gh[pousr]_|^xox[abprs]-|^AKIA[0-9A-Z]{16}$|^dp\.(st|pt)\."
    r"|^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\."
)

#: Names that YAML takes for something else than text.
_NO_TEXT = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})
#: What YAML does not take as it is, and what ends a line in it.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass
class Imported:
    """The content of a file. `notes` name keys and lines, never values."""

    values: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def parse(data: bytes) -> Imported:
    """Read a messy env file: byte order marks, any line ends, `export`, spaces, both kinds of quotes over several
    lines, comments after values, `KEY: value`. If a key is repeated the last value wins, as in a shell."""
    result = Imported()
    text = _text(data, result.notes)
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line, number = text[position:end], text.count("\n", 0, position) + 1
        match = _NAME.match(text, position, end)
        if match is None:
            if line.strip() and not line.lstrip().startswith("#"):
                result.notes.append(f"line {number} is neither a key with a value nor a comment, and was left out")
            position = end + 1
            continue
        name = match.group(1)
        if name in result.values:
            result.notes.append(f"{name} is there more than once; the last one, in line {number}, counts")
        value, position, note = _value(text, match.end(), end)
        if note:
            result.notes.append(f"{name} (line {number}) {note}")
        result.values[name] = value
    return result


def _text(data: bytes, notes: list[str]) -> str:
    """The file as text with plain line ends. A byte order mark may be at the start of any line, because such files were
    concatenated."""
    text = data.decode("utf-16", errors="replace") if data.startswith(_UTF16) else data.decode(errors="surrogateescape")
    if re.search("[\udc80-\udcff]", text):
        notes.append("the file is not UTF-8; such bytes were taken for Latin-1")
        text = data.decode("latin-1")
    return re.sub("(?m)^\ufeff", "", text.replace("\r\n", "\n").replace("\r", "\n"))


def _value(text: str, start: int, end: int) -> tuple[str, int, str]:
    """The value, the position of the next line, and any remarks on the value."""
    quote = text[start : start + 1]
    if start < end and quote in "'\"`":
        close = _closing(text, start, quote)
        if close is None:
            return text[start:end].rstrip(), end + 1, "opens a quote that never ends; the line was taken as it is"
        raw = text[start + 1 : close]
        line_end = text.find("\n", close)
        line_end = len(text) if line_end < 0 else line_end
        rest = text[close + 1 : line_end].strip()
        note = "has something behind its closing quote, which was left out" if rest and rest[0] != "#" else ""
        if not note and _keys_inside(raw):
            note = "goes on over lines that look like keys, which were taken for a part of it"
        if quote == '"':
            raw = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(0)), raw, flags=re.DOTALL)
        if quote == "'":
            raw = raw.replace("\\'", "'")
        return raw, line_end + 1, note
    pem = _PEM.match(text, start)
    if pem is not None and pem.end() > end:
        return pem.group(), pem.end() + 1, "is a PEM block without quotes, taken as a whole"
    raw = re.sub(r"(^|[ \t]+)#.*$", "", text[start:end]).rstrip()
    strange = "ends with a backslash, which continues nothing here" if raw.endswith("\\") else ""
    return raw, end + 1, "holds a $, taken literally" if "$" in raw else strange


def _closing(text: str, start: int, quote: str) -> int | None:
    """Where the quote ends: unescaped, and followed by nothing but a comment. Later lines with a key are part of the
    value only if the quote is closed properly."""
    position, first_line = start + 1, text.find("\n", start)
    first_line = len(text) if first_line < 0 else first_line
    while position < len(text):
        if text[position] == "\\" and quote != "`":
            position += 2
            continue
        if text[position] == quote:
            line_end = text.find("\n", position)
            line_end = len(text) if line_end < 0 else line_end
            rest = text[position + 1 : line_end].strip()
            if position < first_line or not rest or rest.startswith("#"):
                # The quote that opens a later key's own value does not close this one: the author forgot to.
                begin = max(text.rfind("\n", 0, position) + 1, first_line + 1)
                last = _NAME.match(text, begin, position + 1) if position > first_line else None
                if last is not None and text.startswith(quote, last.end()):
                    return None
                return position
            return None
        position += 1
    return None


def _keys_inside(raw: str) -> bool:
    """Whether later lines of a value look like keys. A PEM block never counts, whatever its base64 looks like."""
    return not raw.startswith("-----BEGIN ") and any(_NAME.match(line) for line in raw.split("\n")[1:])


def propose(layers: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """Rows of the matrix for every key of the files, by layer (`common` or an environment). No value is repeated."""
    rows: dict[str, dict[str, Any]] = {}
    names = sorted({name for values in layers.values() for name in values})
    for name in names:
        where = {layer: values[name] for layer, values in layers.items() if name in values}
        found = [value for value in where.values() if value]
        row: dict[str, Any] = {"class": _class(name, found)}
        kind = _type(found)
        if kind != "text":
            row["type"] = kind
        if len(found) < len(where):
            row["optional"] = True
        if "common" not in where and len(layers) > 1:
            missing = [layer for layer in layers if layer not in ("common", *where)]
            if missing:
                row["environments"] = sorted(where)
        elif row["class"] == "secret" and "common" in where:
            row["same"] = True
        rows[name] = row
    return rows


def matrix_as_yaml(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The proposal as people write it: one line for each key."""
    lines = [
        f"  {_key(name)}: {{{', '.join(f'{word}: {_plain(value)}' for word, value in row.items())}}}"
        for name, row in rows.items()
    ]
    return "\n".join(["env_matrix:" + " {}" * (not lines), *lines, ""])


def values_as_yaml(layers: Mapping[str, Mapping[str, str]]) -> str:
    """The values, each in quotes: it is text, whatever it looks like."""
    lines = ["env:" + " {}" * (not layers)]
    for layer, values in layers.items():
        lines.append(f"  {layer}:" + " {}" * (not values))
        lines += [f"    {_key(name)}: {_quoted(value)}" for name, value in values.items()]
    return "\n".join([*lines, ""])


def _key(name: str) -> str:
    return _quoted(name) if name.lower() in _NO_TEXT or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else name


def _plain(value: Any) -> str:
    """A value of a row: a word of ours, true or false, or a list of words."""
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    """Text in the quotes that JSON and YAML share. What YAML does not take as it is, is escaped."""
    return re.sub(_UNPRINTABLE, lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _class(name: str, found: list[str]) -> str:
    if name.startswith(PUBLIC_PREFIXES):
        return "public"
    if any(_SECRET_VALUE.search(value) for value in found) or any(_has_password(value) for value in found):
        return "secret"
    return "secret" if _SECRET.search(name.upper()) and not _NO_SECRET.search(name.upper()) else "config"


def _has_password(value: str) -> bool:
    parts = parsed(value)
    return parts is not None and (bool(parts.password) or parts.scheme.partition("+")[0] in DATABASE_SCHEMES)


def _type(found: list[str]) -> str:
    if not found:
        return "text"
    if all(is_url(value) for value in found):
        return "url"
    if all(value in ("true", "false") for value in found):
        return "boolean"
    if all(re.fullmatch(r"-?(0|[1-9][0-9]*)", value) for value in found):
        return "integer"
    return "text"
