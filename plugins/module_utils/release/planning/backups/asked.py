# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading where a host's backups are to go, as provisioning says it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ...errors import Problem
from ...paths import BACKUPS
from ...releases.backups import Bucket
from ...util.fields import Fields

WHERE = "postgresql_backup"
_PATH = r"/[A-Za-z0-9._/-]+"
_PASSPHRASE = r"[\x21-\x7e]{12,200}"


@dataclass(frozen=True)
class AskedPlaces:
    """Where backups are to go."""

    path: str = BACKUPS
    #: Empty: one that is there stays, and otherwise it is made.
    passphrase: str = field(repr=False, default="")
    bucket: Bucket | None = None


def read_places(data: Any, problems: list[Problem]) -> AskedPlaces:
    fields = Fields(data, WHERE, problems)
    passphrase = fields.text("passphrase")
    if passphrase and not _matches(_PASSPHRASE, passphrase):
        fields.note("passphrase", "is not 12 to 200 printable letters of ASCII", "choose another one")
    found = AskedPlaces(
        fields.text("directory", BACKUPS, pattern=_PATH, hint="an absolute path"),
        passphrase,
        _bucket(fields.value("bucket"), problems),
    )
    fields.no_others()
    return found


def _bucket(data: Any, problems: list[Problem]) -> Bucket | None:
    if not data:
        return None
    fields = Fields(data, f"{WHERE}_bucket", problems)
    # Each of these is a line of a file of settings.
    for key in ("key", "secret"):
        if not _matches(r"[\x21-\x7e]+", fields.text(key, required=True)):
            fields.note(key, "has letters that no key has", "check it")
    found = Bucket(
        endpoint=fields.text(
            "endpoint", pattern=r"[A-Za-z0-9.-]+(:[0-9]+)?", required=True, hint="s3.example.org:9000"
        ),
        bucket=fields.text("bucket", pattern=r"[a-z0-9][a-z0-9.-]+", required=True),
        key=fields.text("key"),
        secret=fields.text("secret"),
        region=fields.text("region", "us-east-1", pattern=r"[A-Za-z0-9-]+"),
        prefix=fields.text("prefix", pattern=r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", hint="for example vm1"),
        ca_file=fields.text("ca_file", pattern=_PATH, hint="an absolute path"),
        by_path=fields.boolean("by_path", False),
    )
    fields.no_others()
    return found


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None
