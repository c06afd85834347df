# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket that speaks S3, on the lab itself, under a name and a certificate of its own."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fakes.certificates import authority

from .lab import ROOT, Lab

PROGRAM = ROOT / ".venv" / "bin" / "rclone"


@dataclass(frozen=True)
class Bucket:
    """One server for each name and port."""

    lab: Lab
    name: str
    port: int
    secret: str = "sesame-open-1"

    @property
    def home(self) -> str:
        return f"/opt/s3-{self.name}"

    @property
    def data(self) -> str:
        return f"{self.home}/data"

    @property
    def settings(self) -> dict[str, str | bool]:
        """`postgresql_backup_bucket`."""
        where = {"endpoint": f"s3.{self.name}.test:{self.port}", "bucket": self.name, "prefix": "vm1"}
        return {
            **where,
            "key": f"{self.name}-key",
            "secret": self.secret,
            "ca_file": f"/etc/ssl/s3-{self.name}.pem",
            "by_path": True,
        }

    @property
    def options(self) -> str:
        """Of a command line of Ansible's that is to know of it."""
        return f"-e {shlex.quote(json.dumps({'postgresql_backup_bucket': self.settings}))}"

    def install(self, folder: Path) -> None:
        """What the server needs, by way of this folder; it is not started. `secret` there holds the secret alone."""
        ca = authority()
        made = ca.make([f"s3.{self.name}.test"])
        parts = {
            "ca.pem": ca.pem,
            "s3.pem": made.certificate,
            "s3.key": made.key,
            # Never among the words of a command, which sudo would log. A list for rclone, so its commas are quoted.
            "environment": f"RCLONE_AUTH_KEY='\"{self.name}-key,{self.secret}\"'\n".encode(),
            "secret": f"{self.secret}\n".encode(),
        }
        for name, data in parts.items():
            (folder / name).write_bytes(data)
        files = ["-C", str(PROGRAM.parent), PROGRAM.name, "-C", str(folder), *parts]
        with subprocess.Popen(["tar", "-cf", "-", *files], stdout=subprocess.PIPE) as packed:
            place = f"{self.data}/{self.name}"
            unpack = f"sudo mkdir -p {place} && sudo tar -xf - -C {self.home} --no-same-owner"
            words = [*self.lab.ssh_words, "ubuntu@127.0.0.1", unpack]
            subprocess.run(words, stdin=packed.stdout, check=True, timeout=120)
        host = f"s3.{self.name}.test"
        self.lab.ssh(
            f"sudo install -m 644 {self.home}/ca.pem {self.settings['ca_file']}; "
            f"grep -q {host} /etc/hosts || echo 127.0.0.1 {host} | sudo tee -a /etc/hosts >/dev/null"
        )

    def start(self) -> None:
        words = f"sudo systemd-run --quiet --collect --unit=s3-{self.name} "
        words += f"--property=EnvironmentFile={self.home}/environment {self.home}/rclone serve s3 "
        words += f"--addr 127.0.0.1:{self.port} --cert {self.home}/s3.pem --key {self.home}/s3.key {self.data}"
        self.lab.ssh(words)

    def stop(self) -> None:
        """Whether it runs or not."""
        unit = f"s3-{self.name}"
        self.lab.ssh(f"! systemctl is-active --quiet {unit} || sudo systemctl stop {unit}")
