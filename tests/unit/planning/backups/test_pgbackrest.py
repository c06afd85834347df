# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pgBackRest's settings, and what of its answers tells of damage. The answers were recorded from version 2.55.1."""

from __future__ import annotations

import json

import pytest

from release.planning.backups import pgbackrest
from release.releases.backups import Bucket, Places, Stanza
from release.stack.backups import Backup

STANZA = Stanza("shop_production_user.data", "17", 5434, "user_data")
PLACES = Places(
    "/mnt/backups", "pass-phrase", Bucket("s3.test:8443", "shop", "id", "sesame", prefix="vm1", by_path=True)
)
INFO = json.loads(
    """[{"backup": [{"archive": {"start": "000000010000000000000002", "stop": "000000010000000000000002"},
    "database": {"id": 1, "repo-key": 1}, "error": false, "info": {"delta": 31132770, "repository":
    {"delta": 3751240, "delta-map": 33000, "size-map": 33000}, "size": 31132770}, "label": "20261127-022453F",
    "prior": null, "timestamp": {"start": 1795746293, "stop": 1795746294}, "type": "full"},
    {"archive": {"start": "000000010000000000000003", "stop": "000000010000000000000004"},
    "database": {"id": 1, "repo-key": 2}, "error": true, "info": {"delta": 8450, "repository": {"delta": 408},
    "size": 31132770}, "label": "20261127-022453F_20261127-022454I", "prior": "20261127-022453F",
    "timestamp": {"start": 1795746294, "stop": 1795746295}, "type": "incr"}], "name": "x"}]"""
)
WHOLE = """stanza: vault_production_main
status: ok
  archiveId: 17-1, total WAL checked: 6, total valid WAL: 6
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261127-022453F, status: valid, total files checked: 1261, total valid files: 1261
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
"""
DAMAGED = """stanza: vault_production_main
status: error
  backup: 20261127-022453F, status: invalid, total files checked: 1261, total valid files: 1260
    checksum invalid: 1
"""


def values(backup: Backup, version: tuple[int, ...] = (2, 55)) -> dict[str, str]:
    lines = pgbackrest.settings(STANZA, backup, PLACES, version).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_each_repository_is_encrypted_and_ends_by_age() -> None:
    found = values(Backup(("path", "s3"), keep_days=30))
    assert found["repo1-path"] == "/mnt/backups/postgresql" and found["repo2-path"] == "/vm1/postgresql"
    for number in (1, 2):
        assert found[f"repo{number}-cipher-type"] == "aes-256-cbc"
        assert found[f"repo{number}-cipher-pass"] == "pass-phrase"
        assert found[f"repo{number}-retention-full-type"] == "time" and found[f"repo{number}-retention-full"] == "30"
    assert found["repo2-s3-endpoint"] == "s3.test:8443" and found["repo2-s3-uri-style"] == "path"
    assert found["pg1-path"] == "/var/lib/postgresql/17/shop_production_user.data" and found["pg1-port"] == "5434"


@pytest.mark.parametrize(("version", "keys"), [((2, 37), set()), ((2, 39), {"bundle"}), ((2, 46), {"bundle", "block"})])
def test_an_older_one_gets_only_what_it_knows(version: tuple[int, ...], keys: set[str]) -> None:
    found = values(Backup(), version)
    assert {key for key in ("bundle", "block") if f"repo1-{key}" in found} == keys


def test_its_version() -> None:
    assert pgbackrest.version_of("pgBackRest 2.55.1") == (2, 55)


def test_what_there_is() -> None:
    first, second = pgbackrest.sets_of(INFO)
    assert (first.kind, first.ended, first.stored, first.repository, first.damaged) == (
        "full",
        1795746294,
        3751240,
        1,
        False,
    )
    assert (second.kind, second.repository, second.damaged) == ("incremental", 2, True)
    assert first.first_log == "000000010000000000000002"
    assert pgbackrest.sets_of([]) == () == pgbackrest.sets_of([{"backup": []}])


def test_damage_is_in_the_text_not_in_the_exit_code() -> None:
    assert pgbackrest.damage_in(WHOLE) == []
    assert pgbackrest.damage_in(DAMAGED)[0] == "status: error" and "checksum invalid: 1" in pgbackrest.damage_in(
        DAMAGED
    )
    assert pgbackrest.damage_in("stanza: x\nstatus: ok\n    missing: 2, checksum invalid: 0\n")
    assert pgbackrest.damage_in(""), "no answer is no word of success"


def named(*numbers: int, timeline: int = 1) -> list[str]:
    return [
        f"17-1/{timeline:08X}{number // 256:08X}/{timeline:08X}{number // 256:08X}{number % 256:08X}-{'a' * 40}.zst"
        for number in numbers
    ]


def test_a_file_of_the_log_that_is_gone_from_the_middle_is_missed() -> None:
    """`pgbackrest verify` says "status: ok" then."""
    first = "0000000100000000000000FE"
    everything = [*named(1, 254, 255, 256, 257), "17-1/x/0000000100000000000000FE.00000028.backup", "archive.info"]
    assert pgbackrest.gaps(everything, first) == []
    assert pgbackrest.gaps(named(254, 255, 257), first) == ["000000010000000100000000 is missing in the archive"]
    assert pgbackrest.gaps(named(255, 256), first) == [f"{first} is missing in the archive"]
    assert pgbackrest.gaps(named(1, 2), "") == []


def test_a_later_timeline_begins_where_it_left_the_one_before() -> None:
    assert pgbackrest.gaps([*named(4, 5, 6), *named(6, 7, timeline=2)], "000000010000000000000004") == []
    assert pgbackrest.gaps([*named(4, 5, 6), *named(6, 8, timeline=2)], "000000010000000000000004") == [
        "000000020000000000000007 is missing in the archive"
    ]
