# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Support for attacks: two stacks, a person without rights who owns one of them, and a look at what she changed.

The stack `shop` belongs to alice, who has no sudo but the rule that the collection writes. `depot` belongs to somebody
else, and must not notice anything. The files that the attackers bring to the host are in attacker/ and attacked/.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import shlex
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import connection
from support.lab import ROOT, Answer, Lab, Result, until

HERE = Path(__file__).resolve().parent
#: The attackers' own scripts, and where they are on the host.
SCRIPTS = HERE / "attacker"
PLACE = "/srv/attacks"
SOURCE = HERE / "attacked"
INVENTORY = ROOT / "tests" / "e2e" / "attacks" / "files" / "attacks.yml"

STACK, OTHER = "shop", "depot"
HOME = f"/home/alice/{STACK}"
SECRET = "shop+secret/value 1"
#: Of staging, see the inventory.
PASSWORD = ("tester", "open")
#: Nothing that alice does may reach these. What operations of her own stack write for her is elsewhere.
OUTSIDE = ("/etc", "/root", "/usr/local", "/opt", f"/home/ubuntu/{OTHER}", f"/var/lib/onehost/{OTHER}", "/var/spool")
#: Below these something is written all the time.
BUSY = ("page", "operations", ".git", ".ansible", "__pycache__", "mail", "source", "buildx")
#: An answer of `timeout`.
HUNG = 124
SECONDS = 90.0


@dataclass(frozen=True)
class Link:
    """A symbolic link in a commit."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """A submodule in a commit, at a made-up commit of its own."""

    commit: str = "1" * 40


Content = str | Link | Submodule


@dataclass(frozen=True)
class Said:
    """What a command on the host ended with."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def hung(self) -> bool:
        return self.code == HUNG

    def ok(self) -> Said:
        assert self.code == 0, f"it ended with {self.code}:\n{self.text}"
        return self


@dataclass
class Attacked:
    """The lab with both stacks, and everybody on it."""

    lab: Lab
    #: What alice cannot have touched, as it was at first.
    releases: dict[str, str] = field(default_factory=dict)

    # People

    def run(
        self, words: Sequence[str], *, user: str = "root", data: bytes | None = None, seconds: float = SECONDS
    ) -> Said:
        """A command on the host. One that does not end within its time ends with HUNG."""
        interactive = ["--interactive"] if data is not None else []
        done = subprocess.run(
            [
                *("docker", "exec", "--user", user, *interactive, self.lab.name),
                *("timeout", "--kill-after=5", f"{seconds:g}", *words),
            ],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            check=False,
            timeout=seconds + 30,
        )
        return Said(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def root(self, script: str, *, check: bool = True, seconds: float = SECONDS) -> str:
        """Standard output of a script that root runs: the tests themselves, and what the host does by itself."""
        said = self.run(["bash", "-c", script], seconds=seconds)
        assert not check or said.code == 0, f"{script} ended with {said.code}:\n{said.text}"
        return said.out

    def alice(self, script: str, *, seconds: float = SECONDS, data: bytes | None = None) -> Said:
        """What the stack's owner types, in her stack's directory if there is one."""
        return self.run(
            ["bash", "-c", f"cd {HOME} 2>/dev/null || cd; {script}"], user="alice", seconds=seconds, data=data
        )

    def nobody(self, script: str) -> Said:
        return self.run(["bash", "-c", script], user="nobody")

    def onehost(self, *words: str, by: str = "alice", stack: str = STACK, seconds: float = SECONDS) -> Said:
        """The command on the host, by sudo as people type it. An empty `stack`: for all stacks."""
        sudo = [] if by == "root" else ["sudo", "-n"]
        named = ["--stack", stack] if stack else []
        return self.run([*sudo, "onehost", words[0], *named, *words[1:]], user=by, seconds=seconds)

    def provision(self, *tags: str, **variables: Any) -> Result:
        options = f"--tags {','.join(tags)}" if tags else ""
        return self.lab.playbook("provision", options=options, inventories=[INVENTORY], **variables)

    def playbook(self, name: str, **variables: Any) -> Result:
        return self.lab.playbook(name, inventories=[INVENTORY], stack=STACK, **variables)

    # Files

    def kept(self, name: str) -> str:
        """Where root keeps a part of the stack: releases, nginx or keys."""
        own = f"/var/lib/onehost/{STACK}/{name}"
        usual = {"keys": f"{HOME}/config/keys"}.get(name, f"{HOME}/{name}")
        return own if self.run(["test", "-d", own]).code == 0 else usual

    def read(self, path: str) -> str:
        return self.root(f"cat {shlex.quote(path)}")

    def exists(self, path: str) -> bool:
        return self.run(["test", "-e", path]).code == 0

    def write(self, path: str, text: str, user: str = "alice") -> None:
        quoted = shlex.quote(path)
        script = f"mkdir -p $(dirname {quoted}) && cat >{quoted}"
        self.run(["bash", "-c", script], user=user, data=text.encode()).ok()

    @contextmanager
    def away(self, *names: str) -> Iterator[None]:
        """Alice renames things in her directory. They come back in the end, and what she put there is gone."""
        for name in names:
            self.alice(f"mv {name} {name}.away").ok()
        try:
            yield
        finally:
            for name in reversed(names):
                path = f"{HOME}/{name}"
                self.root(f"rm -rf {path} && mv {path}.away {path}")

    def victim(self, path: str) -> AbstractContextManager[None]:
        """A file of root's that nobody else may read or change. Fails if it is another one afterwards."""
        make = f"install -D -m 600 /dev/null {path} && echo of-root >{path}"
        return self._unchanged(path, make, f"stat --format '%F %U %G %a %h' {path}; cat {path}")

    def victim_directory(self, path: str) -> AbstractContextManager[None]:
        """An empty directory of root's. Fails if it is no longer that."""
        make = f"rm -rf {path} && install -d -m 700 {path}"
        return self._unchanged(path, make, f"stat --format '%F %U %G %a' {path}; ls -A {path}")

    @contextmanager
    def _unchanged(self, path: str, make: str, look: str) -> Iterator[None]:
        self.root(make)
        before = self.root(look)
        try:
            yield
            assert self.root(look, check=False) == before, f"{path} is not root's as it was"
        finally:
            self.root(f"rm -rf {path}")

    def outside(self) -> dict[str, str]:
        """Every file that alice has no business with: its kind, mode, owner and content."""
        found: dict[str, str] = json.loads(
            self.run(["python3", f"{PLACE}/manifest.py", ",".join(BUSY), *OUTSIDE]).ok().out
        )
        maps = self.root(f"cd /var/lib/onehost/switch; grep . {OTHER}-*.map").splitlines()
        return found | dict(line.split(":", 1) for line in maps)

    @contextmanager
    def contained(self) -> Iterator[None]:
        """Whatever happens in the block changes nothing outside of alice's reach, and the other stack answers."""
        before = self.outside()
        yield
        after = self.outside()
        changed = [
            f"{name}: {before.get(name, 'missing')} -> {after.get(name, 'missing')}"
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        ]
        assert not changed, "changed outside of her reach:\n" + "\n".join(changed[:20])
        assert not self.dangerous_containers()
        self.others_answer()

    def dangerous_containers(self) -> list[str]:
        """Containers with more rights, or with more of the host, than a stack's container has."""
        listed = self.root("docker ps --all --quiet --filter label=release.onehost.stack").split()
        if not listed:
            return []
        data: list[dict[str, Any]] = json.loads(self.root(f"docker inspect {' '.join(listed)}"))
        found = []
        for item in data:
            host, mounts = item["HostConfig"], [mount.get("Source", "") for mount in item["Mounts"]]
            strange = [
                place
                for place in mounts
                if not place.startswith((f"/var/lib/onehost/{STACK}/", f"{HOME}/config/keys/", "/home/ubuntu/"))
                and not place.startswith(("/var/lib/onehost/", "/var/lib/docker/volumes/"))
            ]
            if host["Privileged"] or host["CapAdd"] or host["PidMode"] == "host" or strange:
                found.append(f"{item['Name']}: privileged {host['Privileged']}, {host['CapAdd']}, {mounts}")
        return found

    # What visitors see

    def get(
        self,
        environment: str,
        path: str = "/",
        *,
        host: str = f"{STACK}.example",
        password: bool = True,
        headers: Mapping[str, str] | None = None,
        seconds: float = 10,
    ) -> Answer:
        known = {"Authorization": f"Basic {encoded(':'.join(PASSWORD))}"} if password else {}
        return self.lab.get(environment, path, {"Host": host, **known, **(headers or {})}, seconds=seconds)

    def raw(self, port: str, text: bytes, then: bytes = b"", seconds: float = 5) -> bytes:
        """Everything that comes back for these bytes; `then` follows the first answer."""
        got = b""
        with socket.create_connection(("127.0.0.1", self.lab.ports[port]), timeout=seconds) as connection:
            connection.sendall(text)
            with suppress(OSError):
                got = connection.recv(65536)
                if then:
                    connection.sendall(then)
                while part := connection.recv(65536):
                    got += part
        return got

    def live(self, environment: str, stack: str = STACK) -> str:
        """The release in the router's file."""
        return self.read(f"/var/lib/onehost/switch/{stack}-{environment}.map").split()[1].partition("/")[2]

    def container(self, environment: str = "production", app: str = f"{STACK}-web") -> str:
        """The running container of an app."""
        found = self.root(
            f"docker ps --quiet --filter label=release.onehost.app={app}"
            f" --filter label=release.onehost.environment={environment}"
        ).split()
        assert len(found) == 1, f"{app} in {environment}: {found}"
        return found[0]

    def inside(self, script: str, environment: str = "production", *, seconds: float = 30) -> Said:
        """A script in the app's container, as the user that it runs as."""
        return self.run(["docker", "exec", self.container(environment), "bash", "-c", script], seconds=seconds)

    def from_inside(self, script: str, *words: str, environment: str = "production", seconds: float = 60) -> str:
        """What one of the attackers' scripts prints in the app's container."""
        command = f"docker exec --interactive {self.container(environment)} python3 - {shlex.join(words)}"
        said = self.run(["bash", "-c", f"{command} <{PLACE}/{script}"], seconds=seconds)
        assert said.code == 0, said
        return said.out.strip()

    def others_answer(self) -> None:
        """The other stack runs what it ran, and says so."""
        for environment, release in self.releases.items():
            answer = self.lab.get(environment, "/", {"Host": f"{OTHER}.example"})
            assert (answer.status, answer.release) == (200, release), f"{OTHER} {environment}: {answer}"

    def answers(self) -> bool:
        """Both apps of the stack answer in both environments, for the release that the router's file names."""
        for environment in ("staging", "production"):
            for path in ("/", "/lab/"):
                answer = self.get(environment, path)
                if answer.status != 200 or answer.release != self.live(environment):
                    return False
        return True

    def is_well(self) -> bool:
        with suppress(OSError, http.client.HTTPException, AssertionError):
            return self.answers() and not self.dangerous_containers()
        return False

    def repair(self) -> None:
        """After an attack that succeeded: everything as the other tests need it. On a safe host this does nothing."""
        if self.is_well():
            return
        self.root("docker ps --all --quiet --filter label=release.onehost.stack=shop | xargs -r docker rm --force")
        self.root("systemctl reset-failed nginx haproxy; systemctl restart nginx haproxy", check=False)
        self.provision("stack", "jwt_keys", "edge").ok()
        self.root(f"onehost recover --stack {STACK}", check=False)
        self.release(f"repaired-{time.monotonic_ns()}")
        until(self.answers, 30, "every app answers")

    # The source

    def push(
        self,
        changes: Mapping[str, Content | None] | None = None,
        *,
        branch: str = "main",
        stack: str = STACK,
    ) -> str:
        """Push a commit of the app with these changes; None leaves a file out. Returns the commit."""
        files: dict[str, Content | None] = {path.name: path.read_text() for path in SOURCE.iterdir() if path.is_file()}
        files |= changes or {}
        owner = "alice" if stack == STACK else "ubuntu"
        environment = os.environ | {
            "GIT_SSH_COMMAND": shlex.join([*self.lab.ssh_words, *connection.options(self.lab.socket)]),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

        def git(*words: str) -> str:
            done = subprocess.run(
                ["git", *words], cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 0, f"git {' '.join(words)}:\n{done.stderr}"
            return done.stdout.strip()

        with tempfile.TemporaryDirectory(prefix="onehost-attack-") as folder:
            tree = Path(folder)
            git("init", "--quiet", "--template=", f"--initial-branch={branch}")
            submodules = {}
            for name, content in files.items():
                path = tree / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, Link):
                    path.symlink_to(content.target)
                elif isinstance(content, Submodule):
                    submodules[name] = content.commit
                elif content is not None:
                    path.write_text(content)
            git("add", "--all", "--force")
            for name, commit in submodules.items():
                git("update-index", "--add", "--cacheinfo", f"160000,{commit},{name}")
            who = ("-c", "user.name=A developer", "-c", "user.email=developer@shop.example")
            git(*who, "commit", "--quiet", f"--message=From a test at {time.monotonic_ns()}")
            address = self.lab.repositories["workhub"].replace("workhub.git", f"{stack}.git")
            git("push", "--quiet", "--force", f"--receive-pack=sudo -u {owner} git-receive-pack", address, branch)
            return git("rev-parse", "HEAD")

    def release(self, colour: str, stack: str = STACK) -> None:
        """A good release, live in both environments."""
        commit = self.push({"colour": f"{colour}\n"}, stack=stack)
        for words in (("deploy", "--version", commit), ("promote",)):
            self.onehost(*words, by="root", stack=stack).ok()

    def deploy(self, changes: Mapping[str, Content | None], *, stack: str = STACK, seconds: float = SECONDS) -> Said:
        """Deploy a commit of the app with these changes, as its owner."""
        commit = self.push(changes, branch="hostile", stack=stack)
        return self.onehost(
            "deploy", "--version", commit, by="alice" if stack == STACK else "root", stack=stack, seconds=seconds
        )

    def loot(self, stack: str = STACK) -> str:
        """What the image that staging runs brought back from its build."""
        return self.get("staging", "/loot", host=f"{stack}.example").body

    @contextmanager
    def background(self, *words: str, user: str = "root") -> Iterator[None]:
        """A program on the host that runs as long as the block does."""
        note = f"/tmp/attack-{time.monotonic_ns()}.pid"
        process = subprocess.Popen(
            ["docker", "exec", "--user", user, self.lab.name, "bash", "-c", f'echo $$ >{note}; exec "$@"', "-", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            self.root(f"kill $(cat {note}); rm -f {note}", check=False)
            process.wait(timeout=30)

    @contextmanager
    def address(self, *addresses: str) -> Iterator[None]:
        """More addresses of the host itself."""
        for address in addresses:
            self.root(f"ip addr replace {address}/32 dev lo")
        try:
            yield
        finally:
            for address in addresses:
                self.root(f"ip addr del {address}/32 dev lo")


def encoded(text: str) -> str:
    """As basic auth sends it."""
    return base64.b64encode(text.encode()).decode()


def prepare(lab: Lab) -> Attacked:
    """Both stacks, each with two releases of production."""
    attacked = Attacked(lab)
    attacked.run(["mkdir", "-p", PLACE])
    attacked.run(["tar", "x", "-C", PLACE], data=scripts()).ok()
    for stack in (STACK, OTHER):
        attacked.root(
            f"test -d /srv/git/{stack}.git || git init --quiet --bare --initial-branch=main /srv/git/{stack}.git"
        )
    attacked.root("id alice >/dev/null 2>&1 || useradd --create-home --shell /bin/bash alice")
    attacked.root(f"chown -R alice /srv/git/{STACK}.git; chown -R ubuntu /srv/git/{OTHER}.git")
    for stack in (STACK, OTHER):
        attacked.push({"colour": "first\n"}, stack=stack)
    attacked.provision().ok()
    for stack in (STACK, OTHER):
        for colour in ("first", "second"):
            attacked.release(colour, stack)
    until(attacked.answers, 30, "every app answers")
    attacked.releases = {name: attacked.live(name, OTHER) for name in ("staging", "production")}
    attacked.others_answer()
    return attacked


def scripts() -> bytes:
    """The attackers' scripts, as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(SCRIPTS.glob("*.py")):
            tar.add(path, path.name)
    return buffer.getvalue()


def printable(text: str) -> str:
    """The characters of a text that may not reach a terminal, for an assertion to show."""
    return "".join(sorted({character for character in text if not character.isprintable() and character not in "\n\t"}))
