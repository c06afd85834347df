"""Syntax checks of playbooks, in forks of one process that has imported Ansible: tools/lint_ansible.py starts it.

Each line of its input is what to type, as a list of words in JSON. Each line of its output is how that ended: the exit
code, the output and the errors.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

from ansible.cli.playbook import main

ANSIBLE_PLAYBOOK: Callable[[], object] = main


def check(words: list[str], output: IO[bytes], errors: IO[bytes]) -> NoReturn:
    """Run ansible-playbook in this process, and end it. What Ansible does at its end is left to the parent."""
    for number, file in ((1, output), (2, errors)):
        os.dup2(file.fileno(), number)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    sys.argv, code = [shutil.which(words[0]) or words[0], *words[1:]], 1
    try:
        ANSIBLE_PLAYBOOK()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def answer(words: list[str]) -> tuple[int, str, str]:
    """How a command of ansible-playbook ended, and what it printed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            check(words, output, errors)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, text_of(output), text_of(errors)


def text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
