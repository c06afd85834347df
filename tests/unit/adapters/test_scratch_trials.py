"""What a server's log says of the statements that ran."""

from __future__ import annotations

from release.adapters.scratch_trials import fatal_of, statements_of


def line(user: str, message: str, severity: str = "LOG", detail: str = "") -> str:
    quoted = message.replace('"', '""')
    begin = f'2026-11-27 02:00:00.000 UTC,"{user}","main",1,"[local]",1.1,1,"x",2026-11-27,1/1,0,{severity},00000'
    return f'{begin},"{quoted}","{detail}",,,,,,,,"",""\n'


def test_statements_of_everybody_but_superusers_in_order() -> None:
    log = (
        line("postgres", "statement: ALTER DATABASE main SET log_statement = 'all';")
        + line("owner", "statement: ALTER TABLE t\n  ADD n int")
        + line("reader", "statement: SELECT 1")
        + line("owner", "execute <unnamed>: INSERT INTO t VALUES ($1)", detail="parameters: $1 = 'secret'")
        + line("owner", "duration: 1 ms")
        + line("owner", "relation is missing", "ERROR")
        + line("app_1", 'statement: UPDATE "t" SET n = 1')
    )
    assert statements_of(log) == [
        "ALTER TABLE t\n  ADD n int",
        "INSERT INTO t VALUES ($1)",
        'UPDATE "t" SET n = 1',
    ]


def test_a_line_that_is_cut_off_is_left_out() -> None:
    assert statements_of(line("owner", "statement: SELECT 1") + '2026,"owner') == ["SELECT 1"]


def test_why_a_server_has_stopped() -> None:
    log = (
        '1,"[local]",half a line\n'
        + line("", "requested timeline 3 is not a child of this server's history", "FATAL")
        + line("", "startup process exited with exit code 1")
    )
    assert fatal_of(log) == "requested timeline 3 is not a child of this server's history"
    assert fatal_of(line("", "database system is ready")) == ""
