# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nginx shows of itself while it runs, in a folder: its processes and its log; and a script that has it reload."""

from __future__ import annotations

from pathlib import Path

from release.adapters.nginx_process import NginxProcess

#: At a reload a new worker begins.
_RELOADS = """
case "$*" in *reload*)
  echo "$(date +%s%N) " >>{proc}/1/task/1/children
  for it in $(cat {proc}/1/task/1/children); do
    mkdir -p {proc}/$it
    echo "nginx: worker process" >{proc}/$it/cmdline
  done
esac
"""


def process_in(folder: Path, seconds: float = 0.3) -> NginxProcess:
    """The nginx of a folder, as the engine looks at it."""
    return NginxProcess(str(folder / "nginx.pid"), str(folder / "error.log"), str(folder / "proc"), seconds)


class RunningNginx:
    """An nginx with one worker that takes connections, one that is leaving and one that has just ended."""

    def __init__(self, folder: Path, seconds: float = 0.3) -> None:
        proc = folder / "proc"
        for process, line in {"10": "nginx: worker process", "11": "nginx: worker process is shutting down"}.items():
            (proc / process).mkdir(parents=True)
            (proc / process / "cmdline").write_text(line)
        (proc / "1" / "task" / "1").mkdir(parents=True)
        (proc / "1" / "task" / "1" / "children").write_text("10 11 12 ")
        (folder / "nginx.pid").write_text("1\n")
        (folder / "error.log").write_text("2026/11/26 15:00:00 [emerg] 1#1: of yesterday\n")
        self.process = process_in(folder, seconds)
        self.reloads = _RELOADS.format(proc=proc)
