# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for gitleaks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from release.adapters.gitleaks import Gitleaks

AWS_KEY = b"AKIA" + b"Q3EGRIT6AXYZ7ULM"
#: Behaves like gitleaks for one rule and these arguments; it rejects any argument that gitleaks does not know.
STAND_IN = f"""#!{sys.executable}
import argparse, json, os, sys
if sys.argv[1:] == ["version"]:
    print("8.99.0")
    sys.exit()
words = argparse.ArgumentParser()
words.add_argument("command", choices=["detect"])
for name in ("no-git", "redact", "no-banner"):
    words.add_argument("--" + name, action="store_true", required=True)
for name in ("source", "exit-code", "report-format", "report-path", "log-level"):
    words.add_argument("--" + name, required=True)
words.add_argument("--config")
given = words.parse_args()
assert given.report_format == "json" and given.exit_code == "0"
found = []
for folder, _, names in os.walk(given.source):
    for name in names:
        path = os.path.join(folder, name)
        if b"AKIA" in open(path, "rb").read():
            found.append({{"RuleID": "aws-access-token", "File": path[2:], "Secret": "REDACTED", "StartLine": 1}})
json.dump(found, open(given.report_path, "w"))
"""


def install(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Gitleaks:
    folder.mkdir(exist_ok=True)
    program = folder / "gitleaks"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Gitleaks(config=str(folder / "none.toml"), seconds=10)
