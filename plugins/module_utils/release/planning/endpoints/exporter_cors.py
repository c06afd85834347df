# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a browser would make of an answer, as conditions of the blackbox exporter: cors.py judges the same."""

from __future__ import annotations

from typing import Any

from ...stack.endpoints.model import Cors
from . import re2
from .cors import CorsCheck

#: The exporter wants each status by name, and here only headers count.
ANY_STATUS = list(range(200, 600))
_ORIGIN = "Access-Control-Allow-Origin"
_CREDENTIALS = "Access-Control-Allow-Credentials"


def conditions(cors: Cors, check: CorsCheck) -> dict[str, Any]:
    """What must hold of the answer to one check."""
    own = re2.literal(check.origin)
    if not check.is_allowed:
        refused = {"header": _ORIGIN, "regexp": rf"\A(?:\*|{own})\z", "allow_missing": True}
        return {"valid_status_codes": ANY_STATUS, "fail_if_header_matches": [refused]}
    wanted = [(_ORIGIN, rf"\A{own}\z" if cors.credentials else rf"\A(?:\*|{own})\z")]
    if cors.credentials:
        wanted.append((_CREDENTIALS, r"\Atrue\z"))
    # Browsers let these through, whatever the answer says of methods.
    if check.preflight and check.preflight not in ("GET", "HEAD", "POST"):
        wanted.append(("Access-Control-Allow-Methods", _listed(check.preflight, by_star=not cors.credentials)))
    if check.preflight:
        for name in cors.headers:
            # A * does not stand for this one, and with credentials for none.
            by_star = not cors.credentials and name.lower() != "authorization"
            wanted.append(("Access-Control-Allow-Headers", _listed(name, by_star=by_star)))
    found: dict[str, Any] = {} if check.preflight else {"valid_status_codes": ANY_STATUS}
    if not cors.credentials:
        forbidden = {"header": _CREDENTIALS, "regexp": r"\Atrue\z", "allow_missing": True}
        found["fail_if_header_matches"] = [forbidden]
    lacks = [{"header": header, "regexp": pattern, "allow_missing": False} for header, pattern in wanted]
    return {**found, "fail_if_header_not_matches": lacks}


def _listed(name: str, *, by_star: bool) -> str:
    """A list with this name in it."""
    star = r"|\*" if by_star else ""
    return rf"(?i)(?:\A|,)[ \t]*(?:{re2.literal(name)}{star})[ \t]*(?:,|\z)"
