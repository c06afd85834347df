# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of schemas, on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.adapters import schemas_file
from release.releases.catalog import Catalog
from release.releases.schema import AppSchema

ONE = AppSchema("0002", "failed", "20260101T000000Z-production-1a2b3c4", "0001", "20260101T000100Z")


def test_each_environment_and_app_keeps_its_own(tmp_path: Path) -> None:
    path = str(tmp_path / schemas_file.NAME)
    assert schemas_file.load(path) == {"staging": {}, "production": {}}
    schemas_file.save(path, "production", "api", ONE)
    schemas_file.save(path, "staging", "api", AppSchema(None, "begun"))
    schemas_file.save(path, "production", "mail", AppSchema(""))
    assert schemas_file.load(path) == {
        "staging": {"api": AppSchema(None, "begun")},
        "production": {"api": ONE, "mail": AppSchema("")},
    }


def test_the_catalog_of_before_is_kept_for_root_alone(tmp_path: Path) -> None:
    """It has the words of checks and policies."""
    path = tmp_path / schemas_file.NAME
    begun = AppSchema("0002", "begun", shape=Catalog(relations={"public.posts": {"kind": "r", "columns": {}}}))
    schemas_file.save(str(path), "production", "api", begun)
    assert schemas_file.load(str(path))["production"] == {"api": begun}
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(json.dumps({"production": {"api": {**AppSchema("0002").to_json(), "shape": {"types": 3}}}}))
    assert schemas_file.load(str(path))["production"] == {"api": AppSchema("0002")}, "what is no catalog is left out"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        json.dumps({"production": []}),
        json.dumps({"production": {"api": 3}}),
        json.dumps({"production": {"api": {"revision": 3, "state": "applied"}}}),
        json.dumps({"production": {"api": {"revision": "3", "state": "well"}}}),
        json.dumps({"nowhere": {"api": {"revision": "3", "state": "applied"}}}),
    ],
)
def test_what_cannot_be_read_is_left_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / schemas_file.NAME
    path.write_text(text)
    assert schemas_file.load(str(path)) == {"staging": {}, "production": {}}
