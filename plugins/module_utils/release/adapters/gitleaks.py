# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gitleaks, if it is installed: it recognises the keys of well-known services."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
from typing import Any

from ..errors import OperationError
from ..paths import GITLEAKS_CONFIG

SECONDS = 300.0
#: Covers the usual directories even if sudo has shortened PATH.
PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")


class Gitleaks:
    """The gitleaks command of this host."""

    def __init__(self, config: str = GITLEAKS_CONFIG, seconds: float = SECONDS) -> None:
        self.config = config
        self.seconds = seconds

    def version(self) -> str:
        """Identifies the program and its rules; empty if it is not installed."""
        program = self._program()
        if not program:
            return ""
        # A distribution's build may not know its version; the file's metadata then tells builds apart.
        number = re.search(r"[0-9]+(\.[0-9]+)+", self._run([program, "version"], "/"))
        text = f"gitleaks {number.group() if number else f'of {_date(program)}'}"
        return f"{text} with {self.config} of {_date(self.config)}" if os.path.exists(self.config) else text

    def scan(self, directory: str) -> list[tuple[str, str]]:
        """Rule and file, relative to the directory, of everything that looks like a secret. Values are never read."""
        report = os.path.join(directory, "report.json")
        source = os.path.join(directory, "files")
        words = ["detect", "--no-git", "--source", ".", "--redact", "--no-banner", "--exit-code", "0"]
        words += ["--report-format", "json", "--report-path", report, "--log-level", "error"]
        if os.path.exists(self.config):
            words += ["--config", self.config]
        self._run([self._program(), *words], source)
        try:
            with open(report, encoding="utf-8") as file:
                found: list[dict[str, Any]] = json.load(file) or []
            return sorted({(str(item["RuleID"]), _relative(str(item["File"]), source)) for item in found})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise OperationError("the report of gitleaks cannot be read", "gitleaks", type(error).__name__) from None

    def _program(self) -> str:
        return shutil.which("gitleaks", path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES])) or ""

    def _run(self, command: list[str], where: str) -> str:
        try:
            done = subprocess.run(
                command,
                cwd=where,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise OperationError("gitleaks timed out", command[0], f"after {self.seconds:g} s") from None
        except OSError as error:
            raise OperationError("gitleaks cannot be run", command[0], str(error)) from error
        if done.returncode:
            raise OperationError("gitleaks failed", command[0], done.stderr.strip()[-300:])
        return done.stdout


def _date(path: str) -> str:
    return datetime.datetime.fromtimestamp(os.stat(path).st_mtime, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def _relative(path: str, source: str) -> str:
    return os.path.relpath(os.path.join(source, path), source)
