"""The collection as users get it: built, and installed into a folder that knows nothing of this clone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ROOT / ".venv" / "bin"
#: The other collections that tools/setup unpacked.


def run(words: list[str], *, where: Path, environment: Mapping[str, str] | None = None, seconds: float = 120) -> str:
    """The output of a program of the virtual environment, run without any setting of this clone or of this user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    answer = subprocess.run(
        words,
        cwd=where,
        env=kept | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"} | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert answer.returncode == 0, f"{' '.join(words)} ended with {answer.returncode}:\n{answer.stdout}"
    return answer.stdout


def known_files() -> list[str]:
    """The files of this clone as git sees them: committed, or new and not ignored."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], where=ROOT).split("\0")
    return sorted(name for name in listed if name and (ROOT / name).is_file())


def copy_clone(target: Path) -> Path:
    """Copy the same files elsewhere."""
    for name in known_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    return target


def build(source: Path, target: Path) -> Path:
    """The artifact that `ansible-galaxy collection build` makes."""
    home = {"ANSIBLE_HOME": str(target / "home")}
    run(["ansible-galaxy", "collection", "build", "--output-path", str(target)], where=source, environment=home)
    (artifact,) = target.glob("*.tar.gz")
    return artifact


class Installation:
    """A separate folder with the collection in collections/ and nothing else of this clone."""

    def __init__(self, folder: Path, artifact: Path) -> None:
        self.folder = folder
        self.environment = {
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        }
        words = ["ansible-galaxy", "collection", "install", str(artifact), "--offline", "-p", "collections"]
        self.run(*words)

    @property
    def collection(self) -> Path:
        return self.folder / "collections" / "ansible_collections" / "onehost" / "release"

    def run(self, *words: str, environment: Mapping[str, str] | None = None, seconds: float = 120) -> str:
        """Run a program in the folder; it must succeed."""
        return run(
            list(words), where=self.folder, environment=self.environment | dict(environment or {}), seconds=seconds
        )
