# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of pgBackRest's settings for one cluster, and what of its answers is to be told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ...errors import Problem
from ...releases.backups import BackupSet, Bucket, Places, Stanza
from ...stack.backups import Backup

HEAD = "# Written by onehost; changes here are lost. It holds keys: for root and postgres alone.\n"
#: From which version on pgBackRest packs small files together, and keeps only what has changed within large ones.
BUNDLES, BLOCKS = (2, 39), (2, 46)
#: From which on it can tell what of a repository is damaged: https://pgbackrest.org/release.html, of 2.39.
VERIFIES = (2, 39)
SPOOL = "/var/lib/pgbackrest"
#: How long a file of the log may take to arrive.
ARCHIVE_SECONDS = 60
#: How long one answer of a bucket may take. Several are tried before a bucket counts as away.
IO_SECONDS = 15
#: How long a file of the log may take to be handed on. Then that has failed, is counted and told: pgBackRest tries
#: for minutes where a bucket does not answer, and nobody would know.
PUSH_SECONDS = 120
#: How long a release waits for what is known of backups, which it can do without.
PATIENCE_SECONDS = 15


def settings(stanza: Stanza, backup: Backup, places: Places, version: tuple[int, ...]) -> str:
    """Everything for one cluster: each of its repositories, encrypted, and where it is itself."""
    lines = ["[global]"]
    for number, kind in enumerate(backup.repository, 1):
        where = _path(places) if kind == "path" else _bucket(places.bucket)
        mine = {
            **where,
            "cipher-type": "aes-256-cbc",
            "cipher-pass": places.passphrase,
            **({"bundle": "y"} if version >= BUNDLES else {}),
            **({"block": "y"} if version >= BLOCKS else {}),
            "retention-full-type": "time",
            "retention-full": str(backup.keep_days),
        }
        lines += [f"repo{number}-{key}={value}" for key, value in mine.items()]
    lines += [
        "compress-type=zst",
        "process-max=2",
        "start-fast=y",
        f"archive-timeout={ARCHIVE_SECONDS}",
        f"io-timeout={IO_SECONDS}",
        # Below a directory that nobody else can make first.
        f"lock-path={SPOOL}/lock",
        f"spool-path={SPOOL}/spool",
        "log-level-console=warn",
        "log-level-file=info",
        "",
        f"[{stanza.name}]",
        f"pg1-path={stanza.data}",
        f"pg1-port={stanza.port}",
        "pg1-socket-path=/var/run/postgresql",
        "pg1-user=postgres",
    ]
    return HEAD + "\n".join(lines) + "\n"


def _path(places: Places) -> dict[str, str]:
    return {"path": f"{places.path}/postgresql"}


def _bucket(bucket: Bucket | None) -> dict[str, str]:
    if bucket is None:
        raise ValueError("checked before")
    return {
        "type": "s3",
        "path": f"/{bucket.prefix}/postgresql" if bucket.prefix else "/postgresql",
        "s3-endpoint": bucket.endpoint,
        "s3-bucket": bucket.bucket,
        "s3-region": bucket.region,
        "s3-uri-style": "path" if bucket.by_path else "host",
        "s3-key": bucket.key,
        "s3-key-secret": bucket.secret,
        **({"storage-ca-file": bucket.ca_file} if bucket.ca_file else {}),
    }


def directories(text: str, stanza: str) -> list[str]:
    """Where repositories on this host keep what is of one cluster, by its settings."""
    found = dict(re.findall(r"^repo(\d+)-path=(.+)$", text, re.MULTILINE))
    away = re.findall(r"^repo(\d+)-type=", text, re.MULTILINE)
    here = [path for number, path in found.items() if number not in away]
    return [f"{path}/{part}/{stanza}" for path in here for part in ("archive", "backup")]


def archive_command(stanza: Stanza) -> str:
    """How PostgreSQL hands on each file of its log."""
    return f"timeout {PUSH_SECONDS} pgbackrest --config={stanza.config} --stanza={stanza.name} archive-push %p"


def version_of(text: str) -> tuple[int, ...]:
    """Of what `pgbackrest version` says."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def sets_of(answer: Any) -> tuple[BackupSet, ...]:
    """The finished backups of the first stanza of `pgbackrest info --output=json`, oldest first."""
    found = []
    for one in (answer or [{}])[0].get("backup", []):
        info, when = one["info"], one["timestamp"]
        found.append(
            BackupSet(
                label=str(one["label"]),
                kind="full" if one["type"] == "full" else "incremental",
                begun=int(when["start"]),
                ended=int(when["stop"]),
                size=int(info["size"]),
                # With blocks only a part of it is counted in the other number.
                stored=int(info["repository"].get("delta", 0)),
                repository=int(one.get("database", {}).get("repo-key", 1)),
                damaged=bool(one.get("error")),
                first_log=str(one["archive"]["start"]),
            )
        )
    return tuple(sorted(found, key=lambda it: (it.ended, it.repository)))


#: What `pgbackrest verify --output=text --verbose` says of damage. Its exit code is 0 whatever it finds.
_DAMAGE = re.compile(r"status: (?:error|invalid)|\b(?:missing|checksum invalid|size invalid|other): [1-9]|\bERROR\b")
_FINE = re.compile(r"^\s*status: ok\s*$", re.MULTILINE)
_FILE = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})-[0-9a-f]{40}")
#: Of the usual size of 16 MB: how many files of the log have one number in the middle.
_FILES = 256


def damage_in(text: str) -> list[str]:
    """What `verify` says of damage. No word of success is damage too."""
    lines = [line.strip() for line in text.splitlines() if _DAMAGE.search(line)]
    return lines or ([] if _FINE.search(text) else ["pgBackRest did not say that its repository is whole"])


def gaps(names: Iterable[str], first: str) -> list[str]:
    """Files of the log that are missing between the first that a backup needs and the last, which `verify` does not
    see. `names` are the archive's."""
    found: dict[int, set[int]] = {}
    for match in filter(None, (_FILE.search(name) for name in names)):
        if match[0][:24] >= first:
            timeline, high, low = (int(part, 16) for part in match.groups())
            found.setdefault(timeline, set()).add(high * _FILES + low)
    begin = int(first[8:16], 16) * _FILES + int(first[16:24], 16) if first else 0
    return [
        f"{timeline:08X}{number // _FILES:08X}{number % _FILES:08X} is missing in the archive"
        for timeline, numbers in sorted(found.items())
        for number in sorted({*_run(min(numbers), max(numbers), begin, first, timeline)} - numbers)
    ]


def _run(lowest: int, highest: int, begin: int, first: str, timeline: int) -> range:
    """A later timeline begins where it left the one before; the first begins with the backup."""
    is_first = bool(first) and int(first[:8], 16) == timeline
    return range(begin if is_first else lowest, highest + 1)


def missing_bucket(backup: Backup, bucket: Bucket | None, where: str) -> list[Problem]:
    """What a stack wants and the host does not have."""
    if "s3" in backup.repository and bucket is None:
        what = "wants its backups in a bucket, and this host knows none"
        fix = "set `postgresql_backup_bucket`, or choose `repository: path`"
        return [Problem(what, f"{where}, backup.repository", fix)]
    return []
