# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that run once, beside the slots: started by Compose, as the apps are, then found by their label."""

from __future__ import annotations

import json

from ..releases.compose import LABEL
from ..releases.runs import RUN, RunContainer
from ..stack.model import EnvironmentName
from .docker import Docker


class OneOff:
    """The one-off containers of this host."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker

    def start(self, compose_file: str, project_directory: str, service: str) -> None:
        self.docker.create_and_start(compose_file, project_directory, [service])

    def found(self, stack: str, environment: EnvironmentName) -> list[RunContainer]:
        labels = [f"{LABEL}.stack={stack}", f"{LABEL}.environment={environment}", RUN]
        query = {"all": "true", "filters": json.dumps({"label": labels})}
        listed = self.docker.expect("GET", "/containers/json", query)
        answers = [self.docker.call("GET", f"/containers/{item['Id']}/json") for item in listed]
        return [
            RunContainer(
                id=data["Id"],
                app=data["Config"]["Labels"].get(f"{LABEL}.app", ""),
                run=data["Config"]["Labels"][RUN],
                state=data["State"]["Status"],
                exit_code=int(data["State"].get("ExitCode", 0)),
            )
            for status, data in answers
            if status < 400
        ]

    def stop(self, container: RunContainer, seconds: int) -> None:
        """SIGTERM, and SIGKILL once its seconds are over."""
        self.docker.stop([container], {container.app: seconds})

    def output(self, container: RunContainer, lines: int) -> list[str]:
        return self.docker.logs(container, lines)

    def remove(self, container: RunContainer) -> None:
        self.docker.remove(container)
