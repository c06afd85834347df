# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx and HAProxy of earlier Debian releases, in images of their own: a configuration can be tested, or served."""

from __future__ import annotations

import fcntl
import hashlib
import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lab
import lab_image
from progress import Progress

#: With what the edge's own test of a part is made of.
PACKAGES = "nginx-core,haproxy,dash,coreutils,grep,sed,tar"
#: In newer releases everything is in /usr; the links that lead there are a package's.
LINKED = ("sid",)
IMAGE = "onehost-lab/programs"
progress = Progress("programs")
#: The packages are unpacked, not configured: these are the users and directories that configuring would create.
FILES = {
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\nhaproxy:x:99:99::/:/bin/false\n",
    "etc/group": "root:x:0:\nadm:x:4:\nwww-data:x:33:\nhaproxy:x:99:\n",
    "var/lib/haproxy/.keep": "",
    "run/haproxy/.keep": "",
    "run/onehost-edge/.keep": "",
}


@dataclass(frozen=True)
class Served:
    """A container in which both programs run, and the address at which they can be asked."""

    container: str
    address: str

    @contextmanager
    def beside(self, script: Path, *words: str) -> Iterator[None]:
        """A Python program of the apps' base image in the same network, so that it is on the loopback of both."""
        lab_image.ensure_image(lab.connect(), progress)
        mount = f"type=bind,source={script},target=/app.py,readonly"
        start = ["docker", "run", "--detach", "--rm", "--network", f"container:{self.container}", "--mount", mount]
        start += [lab_image.BASE_IMAGES[0], "python3", "-S", "/app.py", *words]
        name = subprocess.run(start, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        try:
            yield
        finally:
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=True, timeout=60)


class Programs:
    """The programs of one Debian release. The image is built once, from the packages of this machine's mirror."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        lab_image.ensure_programs(progress, {"mmdebstrap": "mmdebstrap"})
        sources = lab_image.apt_sources(suite, updates=False)
        self.packages = PACKAGES + (",base-files" if suite in LINKED else "")
        recipe = hashlib.sha256(repr((suite, self.packages, sources, lab_image.apt_options())).encode()).hexdigest()
        self.image = f"{IMAGE}:{suite}-{recipe[:12]}"
        cache = lab_image.ROOT / ".cache"
        cache.mkdir(exist_ok=True)
        with (cache / f"programs-{suite}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if lab_image.run(["docker", "images", "--quiet", self.image], "the images of this machine"):
                return
            with progress.step(f"unpacking {self.packages} of {suite} (once)"):
                self._make(cache, sources, recipe)

    def _make(self, cache: Path, sources: list[str], recipe: str) -> None:
        words = [*lab_image.as_superuser(), "mmdebstrap", "--quiet", "--variant=extract", f"--include={self.packages}"]
        words += [f"--aptopt={option}" for option in lab_image.apt_options()]
        words += [f"--dpkgopt=path-exclude={pattern}" for pattern in lab_image.NO_MANUALS]
        words += ['--customize-hook=ln --symbolic --force dash "$1/bin/sh"', self.suite]
        labels = {lab_image.RECIPE_LABEL: recipe, lab_image.SUITE_LABEL: self.suite}
        with tempfile.TemporaryDirectory(dir=cache) as work:
            root = Path(work, "root.tar")
            root.touch()
            lab_image.run([*words, str(root), *sources], f"the programs of {self.suite}")
            lab_image.import_image(root, self.image, [f"LABEL {name}={value}" for name, value in labels.items()])

    def number(self, program: str) -> str:
        """The version alone, for example 1.18.0."""
        (version,) = re.findall(r"(?:nginx/|HA-?Proxy version )([\d.]+\d)", self.version(program))
        return str(version)

    def version(self, program: str) -> str:
        """The output of `nginx -v` or `haproxy -v`."""
        return self.run(f"{program} -v", {})[1]

    def run(self, command: str, files: Mapping[str, str]) -> tuple[int, str]:
        """Write files to their places and run a command. Returns its exit code and output."""
        words = ["docker", "run", "--rm", "--interactive", "--network", "none", self.image]
        words += ["sh", "-c", f"tar -x -C / && PATH=/usr/sbin:$PATH && {command} 2>&1"]
        done = subprocess.run(words, input=_archive(files), capture_output=True, check=False, timeout=120)
        return done.returncode, (done.stdout + done.stderr).decode()

    @contextmanager
    def serving(self, files: Mapping[str, str]) -> Iterator[Served]:
        """Both programs running with these files."""
        start = ["docker", "run", "--detach", "--rm", self.image, "sh", "-c", "sleep 300"]
        name = subprocess.run(start, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        try:
            serve = "tar -x -C / && haproxy -D -f /etc/haproxy/haproxy.cfg && nginx"
            inside = ["docker", "exec", "--interactive", name, "sh", "-c", f"PATH=/usr/sbin:$PATH && {serve}"]
            done = subprocess.run(inside, input=_archive(files), capture_output=True, check=False, timeout=60)
            assert done.returncode == 0, (done.stdout + done.stderr).decode()
            where = ["docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", name]
            address = subprocess.run(where, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
            yield Served(name, address)
        finally:
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=True, timeout=60)


def _archive(files: Mapping[str, str]) -> bytes:
    """The files that configuring would create, and these, as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in {**FILES, **files}.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            data = text.encode()
            entry.size, entry.mode = len(data), 0o755 if text.startswith("#!") else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
