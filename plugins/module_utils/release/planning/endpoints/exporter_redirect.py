# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a redirect leads, as a pattern: an address may be spelled in several ways."""

from __future__ import annotations

import urllib.parse

from ...releases.endpoints import Asked
from ...stack.endpoints.model import Redirect
from . import re2
from .judge import redirect_target

_USUAL = {"http": 80, "https": 443}


def location_pattern(redirect: Redirect, asked: Asked) -> str:
    """A pattern of every `Location` that is this target: with or without the usual port, and the host where it is the
    one that was asked."""
    wanted = urllib.parse.urlsplit(redirect_target(redirect, asked))
    here = urllib.parse.urlsplit(asked.origin)
    usual = _USUAL[wanted.scheme]
    port = wanted.port or usual
    is_here = (wanted.scheme, wanted.hostname, port) == (here.scheme, here.hostname, here.port or _USUAL[here.scheme])
    scheme = f"(?:{wanted.scheme}:)?" if wanted.scheme == here.scheme else f"{wanted.scheme}:"
    spelled_port = f"(?::{usual})?" if port == usual else f":{port}"
    origin = f"(?i:{scheme}//{re2.literal(wanted.hostname or '')}){spelled_port}"
    query = re2.literal(f"?{wanted.query}") if wanted.query else r"\??"
    path = re2.literal(wanted.path or "/")
    rest = f"{path}{query}"
    if wanted.path in ("", "/"):
        return rf"\A(?:{origin}/?{query}" + (rf"|/{query}" if is_here else "") + r")(?:#.*)?\z"
    return rf"\A(?:{origin}){'?' if is_here else ''}{rest}(?:#.*)?\z"
