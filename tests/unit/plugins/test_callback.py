# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see while it runs: the pure lines, and ansible-playbook itself on a terminal of ours."""

from __future__ import annotations

import importlib
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.usefixtures("collection"), pytest.mark.programs]

ROOT = Path(__file__).resolve().parents[3]
FILES = Path(__file__).parent / "files" / "output"

REPORT: dict[str, Any] = {
    "operation": "promote",
    "stack": "shop",
    "environment": "production",
    "message": "production runs 20260101T000000Z-production-1a2b3c4",
    "changed": True,
    "failed": False,
    "seconds": 12.3,
    "release": "20260101T000000Z-production-1a2b3c4",
    "slot": "green",
    "was": "",
    "rollback_to": "",
    "gates": [
        {"gate": "staging_healthy", "result": "go", "evidence": "3 of 3 apps healthy"},
        {"gate": "soak", "result": "skipped", "evidence": "2 of 30 minutes"},
    ],
    "recovered": [],
    "problems": [],
    "log": [],
    "built": {},
    "steps": {},
    "probes": {"asked": 40, "failed": 3, "down_seconds": 0.75},
    "after": {
        "live": {
            "production": {
                "release": "20260101T000000Z-production-1a2b3c4",
                "slot": "green",
                "commit": "1a2b3c4d5e6f",
                "version": "main",
                "since": "20260101T000001Z",
            }
        },
        "due": [],
        "free_gb": 34.5,
        "floor_gb": 20,
    },
}
FAILED = {
    **REPORT,
    "failed": True,
    "changed": False,
    "message": "app api is not healthy after 5 s; everything was undone, production answers as before",
    "problems": [
        {
            "what": "app api is not healthy after 5 s: /health: HTTP 500 no database",
            "where": "production green",
            "fix": "docker logs 0123456789ab",
        }
    ],
    "log": ["starting", "\x1b]0;owned\x07no \x1b[1mdatabase\x1b[0m"],
}


@pytest.fixture
def parts() -> Any:
    """The collection's own modules, which only Ansible's loader finds."""

    class Parts:
        view = importlib.import_module("ansible_collections.onehost.release.plugins.plugin_utils.operation_view")
        text = importlib.import_module("ansible_collections.onehost.release.plugins.plugin_utils.screen")

    return Parts


def texts(lines: list[Any]) -> list[str]:
    return [line.text for line in lines]


def test_steps_pass_by(parts: Any) -> None:
    view = parts.view.OperationView(parts.text.ASCII, width=60)
    assert view.live(0.0) == []
    assert view.add({"event": "step", "step": "build", "text": "build 1a2b3c4"}, 100.0) == []
    assert view.add({"event": "note", "text": "web: [2/5] RUN npm ci && " + "x" * 90}, 101.0) == []
    first, second = view.live(103.0)
    assert first.text == "  / build 1a2b3c4" + " " * 34 + "    3.0 s"
    assert second.text.startswith("      web  [2/5] RUN npm ci") and second.text.endswith("..")
    assert len(second.text) <= 59, "one line of the screen, so that it can be drawn over"
    view.add({"event": "note", "text": "web: built in 4.0 s"}, 104.0)
    done = texts(view.add({"event": "done", "step": "build", "seconds": 4.1}, 104.1))
    assert done[0].startswith("  + build 1a2b3c4 ") and done[0].endswith(" 4.1 s")
    assert done[1] == "      web  built in 4.0 s"
    assert view.live(105.0) == []


def test_what_is_quick_and_no_news_has_no_line(parts: Any) -> None:
    view = parts.view.OperationView(parts.text.ASCII)
    view.add({"event": "step", "step": "tags", "text": "move the tags"}, 0.0)
    assert view.add({"event": "done", "step": "tags", "seconds": 0.02}, 0.0) == []
    view.add({"event": "step", "step": "tags", "text": "move the tags"}, 0.0)
    assert len(view.add({"event": "done", "step": "tags", "seconds": 0.7}, 0.0)) == 1
    assert texts(view.add({"event": "note", "text": "cleanup: 2 GB freed"}, 0.0)) == ["    cleanup: 2 GB freed"]


def test_a_step_that_failed_and_the_way_back(parts: Any) -> None:
    view = parts.view.OperationView(parts.text.ASCII, prefix="[a] ")
    view.add({"event": "step", "step": "healthy", "text": "wait until every app is healthy"}, 0.0)
    (line,) = view.add({"event": "note", "text": "failed: app api is not healthy"}, 0.0)
    assert line.text == "[a]   x wait until every app is healthy" and line.style == "error"
    view.add({"event": "step", "step": "back", "text": "undo all changes"}, 0.0)
    (line,) = view.add({"event": "done", "step": "back", "seconds": 1.0}, 0.0)
    assert line.style == "warning" and line.text.startswith("[a]   + undo all changes")


def test_the_end_of_an_operation(parts: Any) -> None:
    found = texts(parts.view.end_lines("vm", REPORT, parts.text.ASCII, 100))
    assert found[0].startswith("x production runs 20260101T000000Z-production-1a2b3c4 ") and found[0].endswith(" 12 s")
    assert found[1:] == [
        "  gates    1 of 2 go",
        "           soak: skipped, 2 of 30 minutes",
        "  live     production  20260101T000000Z-production-1a2b3c4 in green, main",
        "  downtime 0.8 s seen, 3 of 40 probes failed",
        "  next     ansible-playbook onehost.release.status",
        "  disk     34.5 GB free, floor 20 GB",
    ]
    assert parts.view.end_lines("vm", REPORT, parts.text.ASCII, 100)[0].style == "error", "visitors lost something"
    well = {**REPORT, "probes": {**REPORT["probes"], "failed": 0}}
    line = parts.view.end_lines("vm", well, parts.text.ASCII, 100)[0]
    assert line.style == "ok" and line.text.startswith("+ production runs 20260101T000000Z-production-1a2b3c4 ")
    narrow = texts(parts.view.end_lines("vm", well, parts.text.ASCII, 50))
    assert narrow[0] == "+ production runs 20260101T000000Z-production-1a2b3c4 (12 s)", "nothing is cut off"
    nothing = {**well, "changed": False, "message": "production runs it already", "gates": []}
    assert texts(parts.view.end_lines("vm", nothing, parts.text.ASCII, 100))[0].startswith("= production runs it")


def test_a_failure_as_a_box(parts: Any) -> None:
    found = texts(parts.view.end_lines("vm", FAILED, parts.text.ASCII, 60))
    assert found[0].startswith("+- promote shop production on vm ---") and len(found[0]) == 60
    text = "\n".join(found)
    for part in (
        "| What:   app api is not healthy after 5 s; everything was",
        "|         undone, production answers as before",
        "| Where:  production green",
        "| Why:    /health: HTTP 500 no database",
        "| Fix:    docker logs 0123456789ab",
        "| Log:    starting\n|         no database\n",
    ):
        assert part in text, text
    assert "\x1b" not in text and "\x07" not in text, "what a program printed does not act on our terminal"


def test_what_mends_a_task_stands_apart(parts: Any) -> None:
    """As for operations: it is not glued to the reason, and not followed by a second one that says less."""

    def box(message: str) -> str:
        result = {"msg": message}
        found = parts.view.task_failure_lines(
            "vm", "Set a flag", "playbooks/flags.yml:8", result, "-v shows all", marks=parts.text.ASCII, width=60
        )
        return "\n".join(texts(found))

    text = box("stack shop: no app declares 'x'. Fix: declare it\n - apps: is empty. Fix: ansible-playbook a.yml")
    assert "| Why:    stack shop: no app declares 'x'.\n| Fix:    declare it\n| Why:     - apps: is empty.\n" in text
    assert "| Fix:    ansible-playbook a.yml" in text and "-v shows all" not in text
    assert "| Why:    it broke\n| Fix:    -v shows all" in box("it broke")


def test_a_command_to_type_stays_whole(parts: Any) -> None:
    command = "ansible-playbook playbooks/provision.yml -e something=long " * 3
    (line,) = texts(parts.text.box("t", [parts.text.Part("Fix:", [command], as_it_is=True)], 60, parts.text.ASCII))[
        1:-1
    ]
    assert command.strip() in line


def test_widths(parts: Any) -> None:
    assert parts.text.width_of("한글 ok") == 7
    assert parts.text.cut("한글 한글", 5, "..") == "한.."
    assert parts.text.marks_for("ascii") is parts.text.ASCII and parts.text.marks_for("utf-8") is parts.text.UNICODE
    assert parts.text.marks_for(None) is parts.text.ASCII and parts.text.marks_for("nonsense") is parts.text.ASCII
    assert [parts.text.duration(s) for s in (0.04, 9.9, 61, 150)] == ["0.0 s", "9.9 s", "61 s", "2 min 30 s"]


def screen_after(stream: str) -> list[str]:
    """The lines on a terminal that got all this: what our callback uses of the VT100, and nothing else."""
    rows, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[\d*[A-Za-z]|\x1b\[[\d;]*m|\r|\n|[^\x1b\r\n]+", stream):
        if token == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif token == "\r":
            column = 0
        elif token == "\x1b[J":
            rows[row:] = [rows[row][:column]]
        elif re.fullmatch(r"\x1b\[\d+A", token):
            row -= int(token[2:-1])
        elif not token.endswith("m") or token[0] != "\x1b":
            assert token[0] != "\x1b", token
            rows[row] = rows[row][:column].ljust(column) + token + rows[row][column + len(token) :]
            column += len(token)
    return [line.rstrip() for line in rows]


#: A play with a stand-in for an operation, see files/output/action_plugins.
OPERATION = {
    "name": "Promote staging to production",
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {
            "name": "Promote staging to production",
            "operate": {"events": "{{ events }}", "report": "{{ report }}", "slowly": "{{ slowly | default(false) }}"},
        }
    ],
    "vars": {
        "events": [
            {"event": "step", "step": "build", "text": "build 1a2b3c4"},
            {"event": "note", "text": "web: [2/5] RUN npm ci"},
            {"event": "note", "text": "web: built in 1.5 s"},
            {"event": "done", "step": "build", "seconds": 1.6},
            {"event": "step", "step": "switch", "text": "switch production to green"},
            {"event": "done", "step": "switch", "seconds": 0.02},
        ]
    },
}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "ONEHOST_"))},
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_ACTION_PLUGINS": str(FILES / "action_plugins"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
        "PYTHONIOENCODING": "utf-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm",
    }
    (tmp_path / "operation.yml").write_text(json.dumps([OPERATION]))
    hosts = tmp_path / "hosts.yml"
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "folder": str(tmp_path)}
    away = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_ssh_common_args": "-F /dev/null", "folder": "/x"}
    hosts.write_text(json.dumps({"all": {"hosts": {"here": here, "away": away}}}))

    def go(playbook: str, *words: str, terminal: bool = True, limit: str = "here", **more: str) -> tuple[int, str]:
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(hosts), "--limit", limit]
        command += [str((tmp_path if playbook == "operation" else FILES) / f"{playbook}.yml"), *words]
        if not terminal:
            done = subprocess.run(
                command, env=environment | more, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
            )
            return done.returncode, done.stdout
        return on_terminal(command, environment | more)

    yield go


def on_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    with subprocess.Popen(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, cwd=ROOT, close_fds=True
    ) as process:
        os.close(theirs)
        parts = []
        while select.select([ours], [], [], 60)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            parts.append(part)
        os.close(ours)
        return process.wait(30), b"".join(parts).decode()


def given(**values: Any) -> tuple[str, ...]:
    return ("-e", json.dumps(values))


def test_an_operation_on_a_terminal(run: Any) -> None:
    code, stream = run("operation", *given(report=REPORT, slowly=True))
    assert code == 0, stream
    assert "[2/5] RUN npm ci" in stream and stream.count("\x1b[J") > 3, "it lives"
    assert "\x1b[0;32m" in stream, "in colours"
    final = screen_after(stream)
    assert final[0] == "Promote staging to production (here)"
    assert re.fullmatch(r"  ✓ build 1a2b3c4 +1\.6 s", final[1])
    assert final[2] == "      web  built in 1.5 s"
    assert re.fullmatch(r"  ✓ switch production to green +0\.0 s", final[3])
    assert re.fullmatch(r"✗ production runs 20260101T000000Z-production-1a2b3c4 +12 s", final[4])
    assert "RUN npm ci" not in "\n".join(final), "what is over is drawn over"


def test_a_failed_operation_on_a_terminal_without_colours(run: Any) -> None:
    code, stream = run("operation", *given(report=FAILED), NO_COLOR="1")
    assert code == 2
    assert "\x1b[J" in stream and not re.search(r"\x1b\[[\d;]*m", stream)
    final = "\n".join(screen_after(stream))
    assert "┌─ promote shop production on here ─" in final and "│ Fix:    docker logs 0123456789ab" in final
    assert final.splitlines()[-1].startswith("here: 1 failed, ")


def test_plain_lines_of_two_hosts(run: Any) -> None:
    # Nothing of the stand-in needs a connection.
    code, text = run("operation", *given(report=REPORT), "-e", "stack=shop", terminal=False, limit="all")
    assert code == 0 and "\x1b" not in text
    assert re.search(r"^  \d\d:\d\d:\d\d \[away\] web: \[2/5\] RUN npm ci$", text, re.M)
    assert "  [here] promote shop production: production runs 2026" in text
    assert re.search(
        r"  \[here\] next: ansible-playbook -i \S+/hosts\.yml --limit all onehost\.release\.status -e stack=shop$",
        text,
        re.M,
    )
    assert "here : ok=1    changed=1    unreachable=0    failed=0" in text, "the words of Ansible's recap"


def test_json_lines(run: Any) -> None:
    code, text = run("operation", *given(report=FAILED), terminal=False, ONEHOST_OUTPUT="json")
    items = [json.loads(line) for line in text.splitlines()]
    assert code == 2 and [item["event"] for item in items] == ["play", "task", *["progress"] * 6, "result", "end"]
    assert items[3]["text"] == "web: [2/5] RUN npm ci" and items[3]["host"] == "here"
    assert items[-2]["state"] == "failed" and items[-2]["report"]["problems"][0]["fix"] == "docker logs 0123456789ab"
    assert items[-1]["hosts"]["here"]["failed"] == 1


def test_with_v_it_is_ansibles_own_output(run: Any) -> None:
    code, text = run("other", "-v", terminal=False)
    assert code == 0 and "TASK [Write files]" in text and "PLAY RECAP" in text and '"changed": true' not in text
    assert "the-secret-value" not in text


def test_another_play_on_a_terminal(run: Any) -> None:
    code, stream = run("other", "-e", "fail=1")
    final = screen_after(stream)
    assert code == 2
    assert re.fullmatch(r"✓ Write files  2 changed +\d.*s", final[1])
    assert final[3:5] == ["one line", "another line"]
    box = "\n".join(final[5:])
    assert (
        "│ What:   Run what fails" in box
        and "│ Where:  tests/unit/plugins/files/output/other.yml:" in box
        and "│         exit code 3" in box
    )
    assert "│ Log:    the last line" in box and " -v shows all that the task returned" in box
    assert final[-2].startswith("here: 2 changed, 1 failed, ")
    assert "the-secret-value" not in stream


def test_a_diff_shows_nothing_that_acts_on_the_terminal(run: Any, tmp_path: Path) -> None:
    """The old side is whatever the owner of the file wrote."""
    (tmp_path / "first").write_text("\x1b]0;owned\x07\x1b[8mhidden\x9b2K\nsecond\tline\n")
    code, stream = run("other", "--check", "--diff")
    assert code == 0 and "owned" not in stream and "\x1b[8m" not in stream and "\x9b" not in stream
    assert "-hidden" in stream and "-second\tline" in stream.replace("\r", "")


EVIL = "x\x1b]0;owned\x07\x1b[31m\x9b2K\u202e\nproblem: forged\x7f"


def evil(value: Any) -> Any:
    """The same report with a hostile text in every field."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, dict):
        return {key: evil(item) for key, item in value.items()}
    return [evil(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("report", [REPORT, FAILED])
def test_whatever_a_host_answers_forges_no_line(parts: Any, report: dict[str, Any]) -> None:
    lines = texts(parts.view.end_lines("vm1", evil(report), parts.text.UNICODE, 300))
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("problem: ") for line in lines)


def test_check_mode_shows_each_change_and_its_diff(run: Any, tmp_path: Path) -> None:
    code, stream = run("other", "--check", "--diff")
    final = "\n".join(screen_after(stream))
    assert code == 0 and "Set something up (here, check mode)" in final
    assert "~ Write files (first)\n" in final and "+new first\n" in final and "+new second\n" in final
    assert "\x1b[32m+new first" in stream or "\x1b[0;32m+new first" in stream, "in Ansible's own colours"
    assert "~ Write a secret\n" in final and "the-secret-value" not in stream
    assert final.count("~ Write files (first)") == 1 and not (tmp_path / "first").exists()


def test_a_task_that_may_not_tell_why(run: Any) -> None:
    code, text = run("other", "-e", "fail_quietly=1", terminal=False, ONEHOST_OUTPUT="json")
    assert code == 2 and "the-secret-value" not in text
    last = [json.loads(line) for line in text.splitlines()][-2]
    assert last["task"] == "Fail with a secret" and "the output has been hidden" in last["censored"]


def test_a_host_that_cannot_be_reached(run: Any) -> None:
    code, text = run("other", terminal=False, limit="away")
    assert (
        code == 4
        and "┌─ failed on away ─" in text
        and "│ Fix:    ansible -i " in text
        and " --limit away away -m ansible.builtin.ping" in text
    )
    assert "unreachable=1" in text


@pytest.mark.parametrize("verbose", [(), ("-v",)])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_run_that_does_nothing_is_no_success(run: Any, terminal: bool, verbose: tuple[str, ...]) -> None:
    """A job that forgets its inventory, or mistypes a tag, would be green for ever."""
    code, stream = run("other", "--tags", "foo", *verbose, terminal=terminal)
    assert code == 1 and (verbose or "nothing was done: --tags foo matches no task" in stream), stream
    code, stream = run("nobody", *verbose, terminal=terminal)
    assert code == 1 and (verbose or "nothing was done: the inventory has no host for onehost_hosts" in stream), stream
