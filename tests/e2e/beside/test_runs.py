"""Commands by hand on a real host: byte by byte, on a terminal, with lost connections and kills; nothing is left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.lab import Lab, until

APP = "wbsaleshub"
RUN, EXEC = f"sudo onehost run {APP}", f"sudo onehost exec {APP}"
#: For what takes a second or two where nothing else goes on.
SECONDS = 60
#: Of commands that end only because somebody ends them.
LONG = "sleep 4321"


def shell(lab: Lab, command: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    words = [*lab.ssh_words, "ubuntu@127.0.0.1", command]
    return subprocess.run(words, input=data, capture_output=True, check=False, timeout=2 * SECONDS)


def newest(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.ssh("sudo onehost runs --number 1 --json"))[0]
    return found


def left(lab: Lab) -> str:
    """Everything that a command has on the host while it goes."""
    return lab.ssh(
        "sudo docker ps --all --quiet --filter label=release.onehost.run; "
        f"pgrep --exact --full '{LONG}'; ls /run/onehost | grep -e -run-; "
        "sudo find /var/lib/onehost/workhub/runs -mindepth 1 -type d",
        check=False,
    )


def check_nothing_left(lab: Lab) -> None:
    until(lambda: left(lab) == "", SECONDS, "nothing of it is left")
    assert newest(lab)["outcome"] != "running"


def is_up(lab: Lab) -> bool:
    return LONG in lab.ssh(f"pgrep --list-full --exact --full '{LONG}'", check=False)


@contextlib.contextmanager
def waiting(lab: Lab, command: str, **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    """An ssh that waits for a long command, which goes by now. It is killed at the end of the block."""
    nothing = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    words = [*lab.ssh_words, "ubuntu@127.0.0.1", f"{command} -- {LONG}"]
    with subprocess.Popen(words, **{**nothing, **pipes}) as process:
        try:
            until(lambda: is_up(lab), SECONDS, "it goes")
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def terminal(lab: Lab, command: str) -> Iterator[tuple[int, int]]:
    """An ssh with a terminal of 33 lines and 101 columns: its process and the other end of its terminal."""
    number, end = pty.fork()
    if number == 0:
        os.execvp("ssh", [*lab.ssh_words, "-tt", "ubuntu@127.0.0.1", command])
    try:
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
        yield number, end
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(number, 0)
        os.close(end)


def seen(end: int, pattern: str, seconds: float = SECONDS) -> str:
    """What the terminal shows until this comes."""
    text, deadline = "", time.monotonic() + seconds
    while not re.search(pattern, text):
        assert time.monotonic() < deadline, f"{pattern} does not come: {text!r}"
        if select.select([end], [], [], 0.2)[0]:
            text += os.read(end, 65536).decode(errors="replace")
    return text


def test_pipes_are_byte_true_and_apart(released: Lab) -> None:
    data = bytes(range(256)) * 4096
    echo = shell(released, f"{RUN} -- sh -c 'cat; echo told >&2; exit 7'", data)
    assert (echo.returncode, echo.stdout == data, echo.stderr) == (7, True, b"told\n")
    echo = shell(released, f"{EXEC} -- sh -c 'cat; echo told >&2; exit 8'", data)
    assert (echo.returncode, echo.stdout == data, echo.stderr) == (8, True, b"told\n")
    # No input at all, and one that nobody reads while much is written.
    assert shell(released, f"{RUN} -- cat < /dev/null").stdout == b""
    assert len(shell(released, f"{RUN} -- head -c 3000000 /dev/zero", data * 3).stdout) == 3_000_000
    # A reader that is slower than what writes, which has ended meanwhile.
    for command in (RUN, EXEC):
        slow = shell(released, f"{command} -- head -c 500000 /dev/zero | (sleep 4; wc -c)")
        assert slow.stdout.strip() == b"500000", command
    check_nothing_left(released)


def test_it_is_like_the_app(released: Lab) -> None:
    app = shell(released, f"{EXEC} -- sh -c 'id; env | sort | grep -v HOSTNAME; cat /etc/resolv.conf'").stdout
    own = shell(released, f"{RUN} -- sh -c 'id; env | sort | grep -v HOSTNAME; cat /etc/resolv.conf'").stdout
    assert own == app and b"RELEASE_APP=wbsaleshub" in own
    staging = shell(released, f"{RUN.replace('run', 'run --environment staging')} -- printenv RELEASE_ENVIRONMENT")
    assert staging.stdout == b"staging\n"
    shown = newest(released)
    assert (shown["person"], shown["environment"], shown["command"]) == ("ubuntu", "staging", ["printenv"])


def test_on_a_terminal(released: Lab) -> None:
    for command in (RUN, EXEC):
        with terminal(released, f"{command} --reason 'a look' -- bash") as (number, end):
            seen(end, r"\$ ")
            os.write(end, b"stty size; tty\n")
            assert "33 101" in seen(end, "/dev/pts/")
            fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
            os.kill(number, signal.SIGWINCH)
            os.write(end, f"{LONG}\n".encode())
            until(lambda: is_up(released), SECONDS, "it goes")
            os.write(end, b"\x03")
            # The window's new size is told by four programs, one after the other.
            os.write(end, b"until stty size | grep '40 120'; do sleep 0.2; done\n")
            seen(end, r"[\r\n]40 120")
            os.write(end, b"exit 9\n")
            assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 9
        assert newest(released)["reason"] == "a look"
    check_nothing_left(released)


@pytest.mark.parametrize("command", [RUN, EXEC])
def test_a_lost_connection_ends_it(released: Lab, command: str) -> None:
    with terminal(released, f"{command} -- bash") as (_, end):
        seen(end, r"\$ ")
        os.write(end, f"{LONG}\n".encode())
        until(lambda: is_up(released), SECONDS, "it goes")
    check_nothing_left(released)
    with waiting(released, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE):
        pass
    check_nothing_left(released)
    assert newest(released)["outcome"] == "interrupted"


@pytest.mark.parametrize("command", [RUN, EXEC])
def test_killed_engines_leave_nothing(released: Lab, command: str) -> None:
    engine = f"^/usr/bin/python3 -IS /usr/local/bin/onehost {command.split()[2]}"
    for which in ("head -1", "tail -1", "cat"):
        with waiting(released, command) as process:
            released.ssh(f"sudo kill -KILL $(pgrep --full '{engine}' | sort -n | {which})")
            assert process.wait(timeout=SECONDS) != 0
        if which == "cat":
            assert released.ssh("sudo onehost recover").count("was left behind") == 1
        check_nothing_left(released)
        assert newest(released)["outcome"] == "interrupted"


def test_time_limit_and_refusals(released: Lab) -> None:
    late = shell(released, f"{RUN.replace('run', 'run --timeout-seconds 1')} -- {LONG}")
    assert late.returncode == 124 and b"had not ended after 1 s" in late.stderr
    for words, what in (
        ("run nope -- ls", "choose from"),
        (f"run {APP}", "no program is named"),
        (f"run {APP} -it -- ls", "unrecognized arguments"),
        ("exec wbsaleshub.2 -- ls", "is no replica"),
    ):
        said = shell(released, f"sudo onehost {words}")
        assert said.returncode in (2, 125) and what in said.stderr.decode()
    assert shell(released, f"{RUN} -- nosuch").returncode == 127
    check_nothing_left(released)


def test_by_playbook(released: Lab) -> None:
    word = "a-word-that-nobody-may-keep"
    options = {"app": APP, "command": f"sh -c 'echo one; echo two >&2; exit 3' {word}", "reason": "by playbook"}
    shown = released.playbook("run", options="--check", **options).ok()
    assert "would run 'sh' '-c' 'echo one; echo two >&2; exit 3'" in shown.stdout
    failed = released.playbook("run", **options)
    assert failed.rc != 0 and "exit code 3" in failed.stdout and "one" in failed.stdout and "two" in failed.stdout
    found = newest(released)
    assert (found["command"], found["words"], found["reason"], found["exit_code"]) == (["sh"], 3, "by playbook", 3)
    refused = released.playbook("run", app=APP, command="ls | cat")
    assert refused.rc != 0 and "only a shell would understand it" in refused.stdout
    # In halves, as this very command is logged by sudo.
    half = len(word) // 2
    pattern = f"{word[:half]}[{word[half]}]{word[half + 1 :]}"
    places = "/var/lib/onehost /var/log /run/onehost"
    assert released.ssh(f"sudo grep --recursive --files-with-matches '{pattern}' {places}", check=False) == ""
    assert released.ssh(f"sudo journalctl --since=-10min | grep '{pattern}'", check=False) == ""


def test_two_promotes_go_on_beside_it(released: Lab) -> None:
    """The slot that it came from is stopped by the first, and written anew by the second."""
    with subprocess.Popen(
        [*released.ssh_words, "ubuntu@127.0.0.1", f"{RUN} -- sh -c 'read word; printenv RELEASE_ID; echo $word'"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as going:
        until(lambda: "runs" in released.ssh("sudo onehost runs --number 1"), SECONDS, "it goes")
        before = released.get("production", "/saleshub/").release
        source = released.read_source("WBSalesHub/src/main.js")
        for number in range(2):
            change = {"WBSalesHub/src/main.js": f"{source}// {time.time()}\n"}
            released.push_commit(change, branch=f"runs-{number}")
            released.ssh(
                f"sudo onehost deploy --apps {APP} --version runs-{number} --watch-seconds 0", seconds=3 * SECONDS
            )
            said = released.ssh("sudo onehost promote --watch-seconds 0 --warm-seconds 0", seconds=3 * SECONDS)
            assert "a command by ubuntu (command) goes on" in said
        released.ssh("sudo onehost cleanup --free-percent 95", check=False, seconds=3 * SECONDS)
        out, _ = going.communicate(b"still here\n", timeout=SECONDS)
    assert out.decode().split("\n")[:2] == [before, "still here"] and going.returncode == 0
    assert released.get("production", "/saleshub/").release != before
    again = shell(released, f"{RUN.replace('run', f'run --release {before}')} -- printenv RELEASE_ID")
    assert again.stdout.decode().strip() == before, again.stderr
    check_nothing_left(released)


def test_after_a_reboot_nothing_is_left(released: Lab) -> None:
    with waiting(released, RUN) as process:
        # No time for anybody to tidy up.
        released.ssh("sudo kill -KILL $(pgrep --full '^/usr/bin/python3 -IS /usr/local/bin/onehost run')")
        process.wait(timeout=SECONDS)
        released.reboot()
    until(lambda: released.get("production").status == 200, 4 * SECONDS, "production answers")
    until(lambda: left(released) == "", SECONDS, "the boot has tidied up")
    assert newest(released)["outcome"] == "interrupted"
