# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the ages of secrets."""

from __future__ import annotations

from pathlib import Path

from release.adapters import secret_ages_file
from release.env import secret_ages


def test_the_record_is_for_root_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "shop" / "secrets.json")
    record = secret_ages.updated({}, {("staging", "A"): "one"}, 5.0)
    secret_ages_file.save(path, record)
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert secret_ages_file.load(path) == record
    Path(path).write_text("half a rec")
    assert secret_ages_file.load(path) == {}
