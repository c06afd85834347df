# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that run once, beside the slots: started by Compose, as the apps are, then found by their label."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import OperationError
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

    def create(self, compose_file: str, project_directory: str, service: str, *, reads: bool) -> str:
        """Create without a start, to be attached to first. One that `reads` learns of the end of its input. Returns the
        container's id."""
        self.docker.create_only(compose_file, project_directory, service)
        project = json.loads(self._text(compose_file))["name"]
        query = {"all": "true", "filters": json.dumps({"label": [f"com.docker.compose.project={project}"]})}
        [made] = self.docker.expect("GET", "/containers/json", query)
        return self._reading(made["Id"], service) if reads else str(made["Id"])

    @staticmethod
    def _text(path: str) -> str:
        with open(path, encoding="utf-8") as file:
            return file.read()

    def _reading(self, container: str, service: str) -> str:
        """The same container, with an input that ends when its reader's does: Compose has no word for that."""
        data = self.docker.expect("GET", f"/containers/{container}/json")
        self._remove(container)
        config = {key: value for key, value in data["Config"].items() if value != container[:12]}
        networks = {name: {"Aliases": [service]} for name in data["NetworkSettings"]["Networks"]}
        body = {
            **config,
            **dict.fromkeys(("OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"), True),
            "HostConfig": data["HostConfig"],
            "NetworkingConfig": {"EndpointsConfig": networks},
        }
        query = {"name": data["Name"].lstrip("/")}
        status, made = self.docker.call("POST", "/containers/create", query, body=body)
        if status >= 400:
            said = made.get("message", "") if isinstance(made, dict) else str(made)
            raise OperationError("its container could not be created", query["name"], f"{status} {said}".strip())
        return str(made["Id"])

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
                address=next((one.get("IPAddress", "") for one in _networks(data).values()), ""),
            )
            for status, data in answers
            if status < 400
        ]

    def stop(self, container: RunContainer, seconds: int) -> None:
        """SIGTERM, and SIGKILL once its seconds are over."""
        self.docker.stop([container], {container.app: seconds})

    def output(self, container: RunContainer, lines: int, *, only_stdout: bool = False) -> list[str]:
        return self.docker.logs(container, lines, only_stdout=only_stdout)

    def remove(self, container: RunContainer) -> None:
        self.docker.keep_log(container.id)
        self._remove(container.id)

    def _remove(self, container: str) -> None:
        """With the volumes that have no name, which its image asks for: each run has its own."""
        self.docker.expect("DELETE", f"/containers/{container}", {"force": "true", "v": "true"}, also=(404,))


def _networks(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return (data.get("NetworkSettings") or {}).get("Networks") or {}
