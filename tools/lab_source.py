"""The lab's git repositories: the examples' source, as commits with stable ids.

Author, dates and settings are fixed, so the same tree gives the same commit id
on every machine: tests and the demo know a commit's id in advance.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from progress import ToolError

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
HOME = "srv/git"
USER_ID = 1000
FIRST_COMMIT = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
# Files shared by several folders of an example are stored here once; the folders link to them.
SHARED = "_shared"
# Beside an example's tree: its later changes, and what the demo shows of it.
BESIDE = ("-changes", "-demo")
NOT_SOURCE = (SHARED, "node_modules", "__pycache__", ".git", ".venv")
# No user's git settings (signing, hooks, line ends) may change a commit id.
ISOLATED = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}


def examples() -> dict[str, Path]:
    """Repository name to source tree; `<name>-changes` and `<name>-demo` are no trees of their own."""
    if not EXAMPLES.is_dir():
        return {}
    folders = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
    return {path.name: path for path in folders if not path.name.endswith(BESIDE)}


def repository_archive(name: str, source: Path) -> bytes:
    """A tar of `<name>.git`, bare, with commit 1, owned by the lab's login user."""
    with tempfile.TemporaryDirectory() as work:
        tree, bare = Path(work, "tree"), Path(work, f"{name}.git")
        # Resolve links to files: an app is built from its own folder alone.
        shutil.copytree(source, tree, symlinks=False, ignore=shutil.ignore_patterns(*NOT_SOURCE))
        git(tree, "init", "--quiet", "--initial-branch=main", "--template=")
        commit(tree, number=1)
        git(tree, "clone", "--quiet", "--bare", "--template=", str(tree), str(bare))
        git(bare, "remote", "remove", "origin")
        return archive(bare)


def push_change(name: str, change: int, url: str, ssh_command: str) -> str:
    """Commit a change's files onto the lab's main, push it, and return main's id."""
    overlay = EXAMPLES / f"{name}-changes" / str(change)
    if not overlay.is_dir():
        raise ToolError(f"no change {change} of {name}: {overlay} is not a folder.")
    environment = {"GIT_SSH_COMMAND": ssh_command}
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work, "tree")
        git(Path(work), "clone", "--quiet", "--branch=main", url, str(tree), extra=environment)
        shutil.copytree(overlay, tree, dirs_exist_ok=True)
        if git(tree, "status", "--porcelain"):
            commit(tree, number=change)
            git(tree, "push", "--quiet", "origin", "main", extra=environment)
        return git(tree, "rev-parse", "main").strip()


def commit(tree: Path, number: int) -> None:
    date = (FIRST_COMMIT + timedelta(days=number - 1)).isoformat()
    who = {"NAME": "WorkHub developer", "EMAIL": "developer@workhub.example", "DATE": date}
    identity = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", f"--message=Change {number}", extra=identity)


def archive(bare: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(bare, bare.name, filter=_as_login_user)
    return buffer.getvalue()


def _as_login_user(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = USER_ID
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def git(where: Path, *words: str, extra: dict[str, str] | None = None) -> str:
    """Standard output of a git command in a folder."""
    answer = subprocess.run(
        ["git", *words],
        cwd=where,
        env={**os.environ, **ISOLATED, **(extra or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if answer.returncode:
        raise ToolError(f"git {' '.join(words)} failed in {where}:\n{answer.stderr.strip()}")
    return answer.stdout
