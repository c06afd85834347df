# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git, always as the owner of the checkout and never as root: a repository may name programs to run."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Sequence

from ..errors import OperationError
from ..hints import host_command
from ..stack.model import Stack

FETCH_SECONDS = 300


class Git:
    """The checkout of a stack."""

    def _run(self, stack: Stack, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        owner = pwd.getpwnam(stack.owner)
        as_root = os.geteuid() == 0
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": owner.pw_dir,
            "USER": stack.owner,
            "LANG": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=15",
        }
        return subprocess.run(
            ["git", "-C", stack.directory, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=environment,
            check=False,
            user=owner.pw_uid if as_root else None,
            group=owner.pw_gid if as_root else None,
            extra_groups=os.getgrouplist(stack.owner, owner.pw_gid) if as_root else None,
        )

    def _need(self, stack: Stack, *arguments: str, seconds: float = 60) -> str:
        try:
            done = self._run(stack, *arguments, seconds=seconds)
        except subprocess.TimeoutExpired as error:
            raise OperationError(f"git {arguments[0]} did not finish", stack.directory, str(error)) from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            raise OperationError(
                f"git {arguments[0]} failed",
                stack.directory,
                _reason(lines),
                host_command(f"sudo -u {stack.owner} git -C {stack.directory} {' '.join(arguments)}"),
                log=lines[-20:],
            )
        return str(done.stdout)

    def problem(self, stack: Stack) -> str:
        """Why the directory cannot be used as the stack's checkout, or an empty string."""
        if not os.path.isdir(os.path.join(stack.directory, ".git")):
            return "is not a git checkout"
        if self._run(stack, "remote", "get-url", "origin").returncode != 0:
            return "has no remote named origin, and the stack names no `source`"
        return ""

    def fetch(self, stack: Stack) -> None:
        self._need(
            stack,
            "fetch",
            "--quiet",
            "--force",
            "--prune",
            "--tags",
            "origin",
            "+refs/heads/*:refs/remotes/origin/*",
            seconds=FETCH_SECONDS,
        )

    def resolve(self, stack: Stack, version: str) -> str | None:
        """The full commit id of a branch of origin, a tag or a commit; None if there is no such thing."""
        candidates = [f"refs/remotes/origin/{version}", f"refs/tags/{version}"]
        if re.fullmatch(r"[0-9a-f]{7,40}", version):
            candidates.append(version)
        for candidate in candidates:
            done = self._run(stack, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}")
            if done.returncode == 0:
                return str(done.stdout).strip()
        return None

    def local_changes(self, stack: Stack) -> list[str]:
        """Changed, added and untracked files, as git prints them; files in `.git/info/exclude` do not count."""
        return self._need(stack, "status", "--porcelain", "--untracked-files=normal").splitlines()

    def tracked(self, stack: Stack, commit: str, paths: Sequence[str]) -> list[str]:
        return self._need(stack, "ls-tree", "-r", "--name-only", commit, "--", *paths).splitlines()

    def tree(self, stack: Stack, commit: str, path: str) -> str | None:
        """The object id of a folder or file in a commit: the same id means the same content."""
        name = commit if path in ("", ".") else f"{commit}:{path.rstrip('/')}"
        done = self._run(
            stack,
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{name}^{{tree}}" if path in ("", ".") else name,
        )
        return str(done.stdout).strip() if done.returncode == 0 else None

    def read(self, stack: Stack, commit: str, path: str) -> str | None:
        done = self._run(stack, "show", f"{commit}:{path}")
        return str(done.stdout) if done.returncode == 0 else None

    def checkout(self, stack: Stack, commit: str) -> None:
        self._need(stack, "checkout", "--quiet", "--detach", commit, seconds=FETCH_SECONDS)


def _reason(lines: Sequence[str]) -> str:
    """The line that says what is wrong; git's advice follows it."""
    told = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return told[0] if told else lines[-1] if lines else "no output"
