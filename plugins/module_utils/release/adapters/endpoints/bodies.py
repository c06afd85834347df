# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of answers, as much of them as is judged."""

from __future__ import annotations

import http.client
import zlib

from ...releases.endpoints import BODY_LIMIT


def read(response: http.client.HTTPResponse) -> tuple[bytes, bool, str]:
    """A body, whether it is longer than that, and what is wrong with it. Raises OSError."""
    try:
        data = response.read(BODY_LIMIT + 1)
    except http.client.HTTPException as error:
        return b"", False, f"half an answer: {error}"
    is_cut = len(data) > BODY_LIMIT
    # Read by pieces, a body that ends early is no error of `http.client`.
    if not is_cut and response.length:
        return data, False, f"half an answer: {response.length} bytes of the body did not come"
    coding = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if coding in ("identity", ""):
        return data[:BODY_LIMIT], is_cut, ""
    if coding not in ("gzip", "x-gzip", "deflate"):
        return b"", False, f"a body in the encoding {coding}, which was not asked for"
    return _unpacked(data, is_cut)


def _unpacked(data: bytes, is_cut: bool) -> tuple[bytes, bool, str]:
    """What is packed may be a thousand times as long: no more than the limit is unpacked."""
    # 47: gzip or zlib, whichever it says; raw deflate says nothing.
    trouble: Exception | None = None
    for bits in (47, -15):
        unpacker = zlib.decompressobj(bits)
        try:
            found = unpacker.decompress(data, BODY_LIMIT + 1)
        except zlib.error as error:
            trouble = trouble or error
            continue
        if len(found) > BODY_LIMIT or is_cut:
            return found[:BODY_LIMIT], True, ""
        return found, False, "" if unpacker.eof or not data else "half an answer: the packed body ends early"
    return b"", False, f"a body that cannot be unpacked: {trouble}"
