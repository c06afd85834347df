"""The README's five steps as somebody types them: its own commands and files, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from support.docs import FENCE, page
from support.package import copy_clone

#: What a page shows as code, at whatever depth.
COMMAND = re.compile(r"(?m)^ +((?:release=|(?:python3|pip|ansible-galaxy|ansible-playbook) ).*)$")


class Readme:
    """One README; every part of it is found by what it says, so that nothing is typed here instead."""

    def __init__(self, name: str) -> None:
        text = page(name).text
        self.steps, _title, rest = text.partition("\n## ")[2].partition("\n## ")
        self.everyday = rest.partition("\n## ")[0]

    @property
    def install(self) -> list[str]:
        """The commands of step 1, without the other way that it offers."""
        first = self.steps.partition("\n1. ")[2].partition("\n2. ")[0]
        return [line for line in COMMAND.findall(first) if "--require-hashes" not in line]

    @property
    def files(self) -> dict[str, str]:
        """Each file that a step has the reader write: the name said last before the block."""
        found, said = {}, 0
        for block in FENCE.finditer(self.steps):
            indent, _language, content = block.groups()
            name = re.findall(r"`([\w./]+\.(?:yml|cfg))`", self.steps[said : block.start()])[-1]
            found[name] = re.sub(rf"(?m)^{indent}", "", content)
            said = block.end()
        return found

    @property
    def first_commands(self) -> list[str]:
        """The commands of the steps 4 and 5."""
        return COMMAND.findall(self.steps.partition("\n4. ")[2])

    @property
    def everyday_commands(self) -> list[str]:
        return [line.partition(" #")[0].rstrip() for line in COMMAND.findall(self.everyday)]


def repository(folder: Path, tag: str) -> str:
    """This clone as a repository that git can fetch from, with a tag."""
    copy_clone(folder)
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    for words in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "-m", tag], ["tag", tag]):
        subprocess.run(["git", *words], cwd=folder, check=True, timeout=60)
    return f"git+file://{folder}"


class Reader:
    """Somebody's shell in a folder of their own, in which the virtual environment is active once it is there."""

    def __init__(self, folder: Path, ssh: str) -> None:
        self.folder = folder
        keep = ("PIP_", "SSL_", "REQUESTS_", "UV_", "HTTP", "http", "LANG", "LC_", "NO_PROXY", "no_proxy")
        self.environment = {name: value for name, value in os.environ.items() if name.startswith(keep)} | {
            "HOME": str(folder / "home"),
            "PATH": f"{folder}/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            # How this machine reaches the lab, which a reader's SSH knows of the VM.
            "ANSIBLE_SSH_COMMON_ARGS": ssh,
        }
        (folder / "home").mkdir()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def type(self, line: str, seconds: float = 300, ends_with: int = 0) -> str:
        """What a command line prints; it must succeed, or end with what is expected."""
        done = subprocess.run(
            ["bash", "-ec", line],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert done.returncode == ends_with, f"{line} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout
