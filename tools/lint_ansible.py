"""ansible-lint, which does its syntax checks in less time: tools/lint_ansible.py --offline

It starts `ansible-playbook --syntax-check` for each playbook and each role, and three quarters of what that takes is
to import Ansible. Here that is imported once for each core, and forks of it check. All else is ansible-lint's own.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

from ansiblelint import runner
from ansiblelint.__main__ import main

SERVER = Path(__file__).with_name("syntax_checks.py")


class SyntaxChecks:
    """Stands in for the module `subprocess` where ansible-lint checks the syntax."""

    PIPE = subprocess.PIPE

    def __init__(self) -> None:
        self._idle: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        while not self._idle.empty():
            with self._idle.get() as server:
                if server.stdin:
                    server.stdin.close()

    def run(self, words: list[str], *, env: Mapping[str, str], **_: Any) -> subprocess.CompletedProcess[str]:
        """Like `subprocess.run`. Only this is called, and only with ansible-playbook."""
        server = self._server(env)
        assert words[:2] == ["ansible-playbook", "--syntax-check"] and server.stdin and server.stdout, words
        print(json.dumps(words), file=server.stdin, flush=True)
        code, output, errors = json.loads(server.stdout.readline())
        self._idle.put(server)
        return subprocess.CompletedProcess(words, code, output, errors)

    def _server(self, env: Mapping[str, str]) -> subprocess.Popen[str]:
        """One that nobody asks now. All of them have the environment of ansible-lint, which is one for all checks."""
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pipe = subprocess.PIPE
            return subprocess.Popen([sys.executable, "-P", str(SERVER)], env=env, stdin=pipe, stdout=pipe, text=True)


if __name__ == "__main__":
    with SyntaxChecks() as checks, mock.patch.object(runner, "subprocess", checks):
        sys.exit(main(["ansible-lint", *sys.argv[1:]]))
