# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""squawk, if it is installed: it knows which statements lock a table for long, or refuse what older code writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence

from ..errors import OperationError
from ..planning.sql_findings import LINTED, one_a_line
from ..releases.rehearsal import Finding

SECONDS = 60
#: Covers the usual directories even if sudo has shortened PATH.
PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
LONGEST = 200


class Squawk:
    """The squawk command of this host."""

    def __init__(self, places: Sequence[str] = PLACES) -> None:
        self.places = places

    def findings(self, statements: Sequence[str], version: str) -> tuple[Finding, ...]:
        """What it says of these statements, by its rules on locks; nothing where it is not installed. Raises
        OperationError if it fails."""
        program = shutil.which("squawk", path=os.pathsep.join([os.environ.get("PATH", ""), *self.places]))
        lines = one_a_line(statements)
        if not program or not lines:
            return ()
        words = [program, "--reporter", "json", "--stdin-filepath", "migration.sql", "--pg-version", version]
        words += ["--config", os.devnull]
        try:
            sql = ";\n".join([*lines, ""])
            done = subprocess.run(
                words, input=sql, capture_output=True, text=True, timeout=SECONDS, check=False, cwd="/"
            )
            # It ends with 1 where it has found something.
            found = [item for item in json.loads(done.stdout or "[]") if item["rule_name"] in LINTED]
            return tuple(
                Finding(item["rule_name"], " ".join(item["message"].split()), lines[int(item["line"])][:LONGEST])
                for item in found
            )
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, IndexError, TypeError) as error:
            raise OperationError("squawk cannot read the SQL that ran", program, repr(error)[:300]) from error
