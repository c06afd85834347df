# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups go, as people say it: a line break in a key would be another setting."""

from __future__ import annotations

from typing import Any

import pytest

from release.errors import Problem
from release.planning.backups.asked import AskedPlaces, read_places
from release.releases.backups import Bucket

BUCKET = {"endpoint": "s3.test:8443", "bucket": "shop", "key": "id", "secret": "sesame/open+1="}


def read(data: dict[str, Any]) -> tuple[AskedPlaces, list[Problem]]:
    problems: list[Problem] = []
    return read_places(data, problems), problems


def test_what_is_usual() -> None:
    assert read({}) == (AskedPlaces(), [])
    assert read({"bucket": {}, "passphrase": ""}) == (AskedPlaces(), [])
    assert read({"bucket": BUCKET})[0].bucket == Bucket("s3.test:8443", "shop", "id", "sesame/open+1=")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"directory": "relative"}, "postgresql_backup.directory"),
        ({"passphrase": "short"}, "postgresql_backup.passphrase"),
        ({"passphrase": "with a\nline break"}, "postgresql_backup.passphrase"),
        ({"place": "/x"}, "postgresql_backup.place"),
        ({"bucket": {**BUCKET, "secret": "a\nrepo1-path=/etc"}}, "postgresql_backup_bucket.secret"),
        ({"bucket": {**BUCKET, "endpoint": "https://s3.test"}}, "postgresql_backup_bucket.endpoint"),
        ({"bucket": {**BUCKET, "prefix": "/x"}}, "postgresql_backup_bucket.prefix"),
        ({"bucket": {**BUCKET, "name": "x"}}, "postgresql_backup_bucket.name"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(data: dict[str, Any], where: str) -> None:
    problems = read(data)[1]
    assert [problem.where for problem in problems] == [where], problems
    assert all("sesame" not in problem.what for problem in problems)


def test_no_key_is_shown() -> None:
    assert "sesame" not in repr(read({"bucket": BUCKET})[0])
