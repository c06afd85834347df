"""What squawk says, as its JSON has it; and that a host without it has no findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.adapters.squawk import Squawk
from release.errors import OperationError

RULE = "require-concurrent-index-creation"
SAID = f"""[{{"line":1,"rule_name":"{RULE}","message":"Blocks\\n writes.","level":"Warning"}},
{{"line":0,"rule_name":"prefer-bigint-over-int","message":"taste","level":"Warning"}}]"""


def installed(place: Path, said: str, code: int = 1) -> Squawk:
    program = place / "squawk"
    lines = ["#!/bin/sh", f'echo "$*" >{place}/words', f"cat >{place}/sql", "cat <<'END'", said, "END", f"exit {code}"]
    program.write_text("\n".join([*lines, ""]))
    program.chmod(0o755)
    return Squawk([str(place)])


def test_its_rules_on_locks_count_with_the_statement_that_they_mean(tmp_path: Path) -> None:
    statements = ["CREATE TABLE t (id int); ", "", "CREATE INDEX i -- why\n  ON t (id)"]
    [found] = installed(tmp_path, SAID).findings(statements, "17")
    assert found.rule == "require-concurrent-index-creation" and found.text == "Blocks writes."
    assert found.statement == "CREATE INDEX i ON t (id)"
    assert (tmp_path / "sql").read_text() == "CREATE TABLE t (id int);\nCREATE INDEX i ON t (id);\n"
    assert "--pg-version 17" in (tmp_path / "words").read_text()


def test_a_host_without_it_has_no_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Squawk([str(tmp_path)]).findings(["SELECT 1"], "17") == ()


def test_what_it_cannot_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="squawk cannot read the SQL"):
        installed(tmp_path, "thread main panicked").findings(["SELECT 1"], "17")
