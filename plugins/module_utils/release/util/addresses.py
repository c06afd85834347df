# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials in addresses: found in what people write, and taken out of every text that is shown."""

from __future__ import annotations

import re

#: Words in the name of a setting or a query parameter whose value is hardly ever public.
SECRET_WORDS = (
    r"token|secret|passw(?:or)?d|passphrase|pwd|api_?key|private_?key|access_?key|signing_?key|credentials?|auth|"
    r"signature|sig"
)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: SSH identifies its user by a key, so `git@` is no secret there; a password beside it is.
_SSH = ("ssh", "git+ssh", "ssh+git")
#: The user part of an address within a text; where its password has a slash, up to the last @ of the word.
_USER = re.compile(
    r"(?P<scheme>(?<![A-Za-z0-9+.-])(?:ssh\+git|git\+ssh|ssh))?://"
    r"(?P<user>[^\s/?#\"<>@:\[]*:(?!\d*(?:[/?#\s\"<>']|$))[^\s\"<>]*|[^\s/?#\"<>]*)@"
)
_QUERY = re.compile(rf"(?i)([?&;][a-z0-9_.-]*(?:{SECRET_WORDS})[a-z0-9_.-]*=)[^\s&;#\"'<>]+")
#: `user:password@host:path`, which git reads as a path on the host `user`.
_WITHOUT_SCHEME = re.compile(r"[^/@\s]+:[^/\s]*@")


def without_credentials(text: str) -> str:
    """A text whose addresses name neither users nor passwords nor tokens."""
    if "://" not in text:
        return text
    return _QUERY.sub(r"\1***", _USER.sub(_kept_user, text))


def _kept_user(match: re.Match[str]) -> str:
    if match["scheme"] is None:
        return "://"
    return f"{match['scheme']}://{match['user'].partition(':')[0]}@"


def has_credentials(address: str) -> bool:
    """Whether the address of a repository holds a password or a token."""
    scheme = _SCHEME.match(address)
    if scheme is None:
        return _WITHOUT_SCHEME.match(address) is not None
    if scheme.group().lower().removesuffix("://") not in _SSH:
        # Nothing that git serves needs a query or a fragment.
        return without_credentials(address) != address or "?" in address or "#" in address
    return without_credentials(address) != address
