# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error pages of a stack: what the edge and the router say in its name, by files of its source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..util.fields import Fields, shown
from .model import ErrorPage
from .parts import SOURCE_PATH

#: What a page may be for. 502 is for 504, too; without a page for maintenance that of 503 is shown.
TITLES = {
    "404": "Not found",
    "413": "This is too large",
    "502": "This part does not answer properly",
    "503": "Not available right now",
    "maintenance": "Closed for maintenance",
}
_STATUS = {"maintenance": 503}
_FIX = "for example `error_pages: {404: pages/404.html, 503: {html: pages/503.html, json: pages/503.json}}`"
#: Of one file, in bytes. A page is one file: what it shows besides is in it.
LARGEST = 256 * 1024


def read_error_pages(data: Any, where: str, fields: Fields) -> dict[str, ErrorPage]:
    """The key `error_pages` of a stack."""
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        fields.note("error_pages", "must be a mapping", _FIX)
        return {}
    found: dict[str, ErrorPage] = {}
    for key, item in data.items():
        # YAML reads 404 as a number, which is what everybody writes.
        name = key if isinstance(key, str) else str(key) if isinstance(key, int) else shown(key)
        if name not in TITLES:
            known = ", ".join(TITLES)
            fields.note("error_pages", f"{name!r} is nothing that the edge or the router says", f"choose from {known}")
        elif name in found:
            fields.note("error_pages", f"{name} appears twice", "remove one of them")
        else:
            inner = Fields({"html": item} if isinstance(item, str) else item, f"{where}.{name}", fields.problems)
            found[name] = ErrorPage(
                html=inner.text("html", required=True, pattern=SOURCE_PATH, hint="a file in the repository"),
                json=inner.text("json", pattern=SOURCE_PATH, hint="a file in the repository"),
            )
            inner.no_others()
    return found


def files(pages: Mapping[str, ErrorPage]) -> dict[str, str]:
    """The files of a release's pages, by name, each with its path in the source; empty for those of ours."""
    return {
        f"{name}.{kind}": path
        for name, page in pages.items()
        for kind, path in (("html", page.html), ("json", page.json))
    }


def default(name: str) -> bytes:
    """What is said where the source has no file: the name is one of JSON."""
    what = name.partition(".")[0]
    return (json.dumps({"status": _STATUS.get(what) or int(what), "error": TITLES[what]}) + "\n").encode()


def trouble_with(name: str, data: bytes) -> str:
    """Why this cannot be a page; empty if it can."""
    if len(data) > LARGEST:
        return f"has {len(data)} bytes, and a page has at most {LARGEST}"
    try:
        text = data.decode()
        if name.endswith(".json"):
            json.loads(text)
    except UnicodeDecodeError:
        return "is not UTF-8"
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {error}"
    return "" if text.strip() else "is empty"
