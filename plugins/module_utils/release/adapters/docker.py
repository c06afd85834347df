# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker: over the daemon's socket for single objects, and through Compose for whole slots and builds.

API paths carry no version, so the daemon answers in its own (Docker 24 to 29); only fields that have not changed in
that range are read. One call takes 1 to 3 ms, where the command line takes 20.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any

from ..errors import OperationError
from ..hints import host_command
from ..paths import DOCKER_SOCKET
from ..releases.labels import LABEL, REPLICA
from ..releases.log_formats import nanoseconds
from ..releases.runtime import BuildResult, Container, Handle, Image, ImageLayer, LaidOut, Placed, ServiceContainer
from ..releases.services import CREATED_FROM, SERVICE
from ..stack.model import EnvironmentName, Slot
from ..util.concurrency import concurrently
from . import image_files
from .build_log import BuildLog

if TYPE_CHECKING:
    from .log_archive import LogArchive

START_DOCKER = host_command("systemctl status docker; systemctl start docker")

#: Timeout in seconds of one call that is not a stop; a daemon that hangs longer is broken.
CALL_SECONDS = 60
LOG_SECONDS = 10
#: Of a container with its own time to stop, which Docker knows and which is not limited.
STOP_SECONDS = 3600
#: Of an image, from a registry that may be far away.
PULL_SECONDS = 900
#: Compose's labels.
PROJECT = "com.docker.compose.project"
PROJECT_SERVICE = "com.docker.compose.service"
JSON_BODY = {"Content-Type": "application/json"}
#: Of what a command in a container says.
OUTPUT_BYTES = 4096
#: The start of a process among the fields of /proc/<id>/stat that follow its name, in ticks since the boot.
STARTED_FIELD = 19
#: Where packages install Docker's plugins. Compose is started from there: going through `docker` costs 30 ms.
PLUGINS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Docker:
    """The Docker daemon of this host."""

    def __init__(self, path: str = DOCKER_SOCKET, archive: LogArchive | None = None) -> None:
        self.path = path
        self._archive = archive

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> tuple[int, Any]:
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        connection = _Connection(self.path, seconds)
        try:
            if body is not None:
                connection.request(method, target, json.dumps(body), JSON_BODY)
            else:
                connection.request(method, target, headers={"Content-Length": "0"} if method == "POST" else {})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise OperationError("Docker does not answer", self.path, repr(error), START_DOCKER) from error
        finally:
            connection.close()
        try:
            return response.status, json.loads(answer) if answer else None
        except ValueError:
            return response.status, answer.decode(errors="replace")

    def expect(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
        also: Sequence[int] = (),
    ) -> Any:
        status, data = self.call(method, path, query, seconds)
        if status >= 400 and status not in also:
            message = data.get("message", "") if isinstance(data, dict) else str(data)
            raise OperationError(f"Docker refused {method} {path}", "docker", f"{status} {message}".strip())
        return data

    # Images

    def image(self, reference: str) -> Image | None:
        status, data = self.call("GET", f"/images/{urllib.parse.quote(reference, safe=':/')}/json")
        if status == 404:
            return None
        if status >= 400:
            raise OperationError(f"Docker cannot show image {reference}", "docker", str(data))
        return Image(data["Id"], (data.get("Config") or {}).get("Labels") or {}, int(data.get("Size", 0)))

    def image_with_label(self, label: str, value: str) -> Image | None:
        """The newest image that has the label with this value."""
        filters = json.dumps({"label": [f"{label}={value}"]})
        found = self.expect("GET", "/images/json", {"filters": filters})
        newest = max(found, key=lambda item: item["Created"], default=None)
        return None if newest is None else Image(newest["Id"], newest.get("Labels") or {}, int(newest["Size"]))

    def tag(self, image: str, repository: str, tag: str) -> None:
        self.expect("POST", f"/images/{image}/tag", {"repo": repository, "tag": tag})

    def untag(self, reference: str) -> None:
        """Take one tag away, never the image: it must have another tag or the daemon would delete it."""
        status, data = self.call("GET", f"/images/{urllib.parse.quote(reference, safe=':/')}/json")
        if status == 404:
            return
        if len(data.get("RepoTags") or []) > 1:
            self.expect(
                "DELETE", f"/images/{urllib.parse.quote(reference, safe=':/')}", {"noprune": "true"}, also=(404,)
            )

    def laid_out(self, image: str) -> LaidOut | None:
        """Where the layers of an image lie on the disk; None where only an export has them."""
        status, shown = self.call("GET", f"/images/{image}/json")
        if status >= 400 or (shown.get("GraphDriver") or {}).get("Name") != image_files.DRIVER:
            return None
        return image_files.laid_out(shown, self.expect("GET", f"/images/{image}/history"))

    def layer_files(self, layer: ImageLayer) -> Iterator[tuple[str, IO[bytes] | None]]:
        """The names in a layer, each with the content if it is a file."""
        return image_files.files(layer)

    @contextlib.contextmanager
    def export(self, images: Sequence[str]) -> Iterator[IO[bytes]]:
        """The images as one tar archive, read while the daemon writes it."""
        connection = _Connection(self.path, CALL_SECONDS)
        try:
            connection.request("GET", "/images/get?" + urllib.parse.urlencode([("names", image) for image in images]))
            response = connection.getresponse()
            if response.status >= 400:
                raise OperationError("Docker cannot export the images", "docker", f"HTTP {response.status}")
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise OperationError("Docker does not answer", self.path, repr(error), START_DOCKER) from error
        finally:
            connection.close()

    # Containers

    def containers(self, stack: str, environment: EnvironmentName, slot: Slot | None = None) -> list[Container]:
        result = []
        for item in self._listed(stack, environment, slot):
            status, data = self.call("GET", f"/containers/{item['Id']}/json")
            if status == 404:
                continue  # removed between the two calls
            result.append(_container(data))
        return sorted(result, key=lambda container: (container.slot, container.app, container.replica))

    def placed(self, stack: str, environment: EnvironmentName) -> list[Placed]:
        """Where the containers of an environment are: one question, however many there are."""
        return [
            Placed(item["Labels"][f"{LABEL}.slot"], item["Labels"].get(f"{LABEL}.id", ""), item["State"])
            for item in self._listed(stack, environment)
        ]

    def _listed(self, stack: str, environment: EnvironmentName, slot: Slot | None = None) -> list[dict[str, Any]]:
        labels = [f"{LABEL}.stack={stack}", f"{LABEL}.environment={environment}"]
        if slot:
            labels.append(f"{LABEL}.slot={slot}")
        listed = self.expect("GET", "/containers/json", {"all": "true", "filters": json.dumps({"label": labels})})
        # Others were started by hand with docker-compose.yml, and are part of no slot.
        return [item for item in listed if f"{LABEL}.slot" in item["Labels"]]

    def environment(self, container: str) -> tuple[dict[str, str], dict[str, str]]:
        """The environment a container was given, and what of it is its image's own."""
        data = self.expect("GET", f"/containers/{container}/json")
        image = self.expect("GET", f"/images/{data['Image']}/json", also=(404,))
        return _variables(data), _variables(image)

    def create_and_start(self, compose_file: str, project_directory: str, services: Sequence[str]) -> None:
        self._keep_replaced(compose_file)
        self._compose(
            compose_file,
            project_directory,
            [
                "up",
                "--detach",
                "--no-build",
                "--remove-orphans",
                "--quiet-pull",
                *(["--no-deps", *services] if services else []),
            ],
        )

    def _keep_replaced(self, compose_file: str) -> None:
        """Keep the logs of those containers that Compose is going to remove: orphans, and what was created from
        something else. They are stopped first, as Compose would, for a log that is still written may be rotated."""
        if self._archive is None:
            return
        with open(compose_file, encoding="utf-8") as file:
            wanted = json.load(file)
        services = {name: (item.get("labels") or {}).get(CREATED_FROM) for name, item in wanted["services"].items()}
        filters = json.dumps({"label": [f"{PROJECT}={wanted['name']}"]})
        for item in self.expect("GET", "/containers/json", {"all": "true", "filters": filters}):
            labels = item["Labels"]
            if services.get(labels.get(PROJECT_SERVICE, ""), "") == labels.get(CREATED_FROM):
                continue
            if item["State"] in ("running", "restarting"):
                self.expect("POST", f"/containers/{item['Id']}/stop", None, STOP_SECONDS, also=(404,))
            self.keep_log(item["Id"])

    def keep_log(self, container: str) -> None:
        """Keep the log of a container that is about to be removed."""
        if self._archive is None:
            return
        status, data = self.call("GET", f"/containers/{container}/json")
        if status < 400:
            self._archive.keep(data, nanoseconds(data["Created"]) / 1e9)

    def create_only(self, compose_file: str, project_directory: str, service: str) -> None:
        """A container that somebody is to be attached to before it starts."""
        self._compose(compose_file, project_directory, ["create", "--no-build", service])

    def _compose(self, compose_file: str, project_directory: str, arguments: Sequence[str]) -> None:
        # The owner's `.env` in that directory is no part of a release.
        fixed = ["--file", compose_file, "--env-file", os.devnull, "--project-directory", project_directory]
        command = [*_compose_program(), *fixed, *arguments]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=_environment(),
                timeout=300,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OperationError("Compose did not finish", compose_file, str(error), START_DOCKER) from error
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise OperationError(
                "Compose could not start the slot",
                compose_file,
                lines[-1] if lines else "no output",
                # Not a command of Compose's: what it starts, the engine would know nothing of.
                "mend in the stack's definition or on the host what Compose names, then start the operation again",
                log=lines[-20:],
            )

    def start(self, containers: Iterable[Handle]) -> None:
        self._each(containers, lambda c: self.expect("POST", f"/containers/{c.id}/start"))

    def stop(self, containers: Iterable[Handle], seconds: Mapping[str, int]) -> None:
        """Stop all containers at once; each gets SIGTERM and its own number of seconds before SIGKILL."""

        def stop_one(container: Handle) -> None:
            grace = seconds.get(container.app, 10)
            self.expect(
                "POST", f"/containers/{container.id}/stop", {"t": str(grace)}, grace + CALL_SECONDS, also=(404,)
            )

        self._each(containers, stop_one)

    @staticmethod
    def _each(containers: Iterable[Handle], action: Callable[[Handle], None]) -> None:
        concurrently(action, containers)

    def run(self, container: Handle, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Run a command in a container. Returns its exit code and what it said last; -1 if it took too long or could
        not be started."""
        wanted = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
        status, made = self.call("POST", f"/containers/{container.id}/exec", body=wanted)
        if status >= 400 or not isinstance(made, dict):
            return -1, str(made.get("message", made) if isinstance(made, dict) else made)
        connection = _Connection(self.path, seconds)
        deadline, said = time.monotonic() + seconds, b""
        try:
            connection.request(
                "POST", f"/exec/{made['Id']}/start", json.dumps({"Detach": False, "Tty": False}), JSON_BODY
            )
            response = connection.getresponse()
            while part := response.read1(65536):
                said = (said + part)[-OUTPUT_BYTES:]
                if time.monotonic() > deadline:
                    raise TimeoutError
        except (OSError, http.client.HTTPException) as error:
            late = isinstance(error, TimeoutError)
            return -1, f"did not end within {seconds:g} s" if late else f"could not be started: {error!r}"
        finally:
            connection.close()
        found = self.expect("GET", f"/exec/{made['Id']}/json")
        code = found.get("ExitCode")
        return -1 if code is None else int(code), _output(said)

    # Services

    def services(self, stack: str, environment: EnvironmentName) -> list[ServiceContainer]:
        """The containers of an environment's services."""
        labels = [f"{LABEL}.stack={stack}", f"{LABEL}.environment={environment}", SERVICE]
        listed = self.expect("GET", "/containers/json", {"all": "true", "filters": json.dumps({"label": labels})})
        answers = [self.call("GET", f"/containers/{item['Id']}/json") for item in listed]
        return sorted((_service(data) for status, data in answers if status < 400), key=lambda found: found.app)

    def remove(self, container: Handle) -> None:
        """Remove a container; its volumes and its log stay."""
        self.keep_log(container.id)
        self.expect("DELETE", f"/containers/{container.id}", {"force": "true"}, also=(404,))

    def pull(self, image: str) -> None:
        """Fetch an image, with the credentials that root has for its registry."""
        try:
            done = subprocess.run(
                ["docker", "pull", "--quiet", image],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=_environment(),
                timeout=PULL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OperationError("the image did not come", image, str(error), START_DOCKER) from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no output"]
            fix = f"check its name, the registry and the network; {host_command(f'sudo docker pull {image}')}"
            raise OperationError("the image cannot be fetched", image, lines[-1], fix)

    def provide_network(self, name: str, subnet: str, labels: Mapping[str, str]) -> None:
        """Make a network unless there is one of this name."""
        if self.call("GET", f"/networks/{name}")[0] == 404:
            pool = {"Config": [{"Subnet": subnet}]}
            self._create("/networks/create", {"Name": name, "Driver": "bridge", "IPAM": pool, "Labels": dict(labels)})

    def private_network(self, name: str, subnet: str, labels: Mapping[str, str]) -> None:
        """Make a network from which nothing but the host's own address in it is reached."""
        self.remove_network(name)
        pool = {"Config": [{"Subnet": subnet}]}
        body = {"Name": name, "Driver": "bridge", "Internal": True, "IPAM": pool, "Labels": dict(labels)}
        self._create("/networks/create", body)

    def remove_network(self, name: str) -> None:
        """Remove a network, if it is there."""
        self.expect("DELETE", f"/networks/{name}", also=(404,))

    def provide_volume(self, name: str, user: int, labels: Mapping[str, str]) -> None:
        """Make a volume unless it is there. As long as it is empty, it is given to its user: a kill may have come
        between the two."""
        status, data = self.call("GET", f"/volumes/{name}")
        if status == 404:
            data = self._create("/volumes/create", {"Name": name, "Driver": "local", "Labels": dict(labels)})
        place = os.open(data["Mountpoint"], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(place).st_uid != user and not os.listdir(place):
                os.fchown(place, user, user)
        finally:
            os.close(place)

    def _create(self, path: str, body: Mapping[str, Any]) -> Any:
        status, data = self.call("POST", path, body=body)
        if status >= 400:
            message = data.get("message", "") if isinstance(data, dict) else str(data)
            raise OperationError(f"Docker refused POST {path}", str(body["Name"]), f"{status} {message}".strip())
        return data

    def last_exit(self, container: Container) -> int:
        """With which code a container ended last. While it runs again its state says 0."""
        if container.state != "running" or not container.restarts:
            return container.exit_code
        filters = json.dumps({"container": [container.id], "event": ["die"]})
        query = {"since": "0", "until": f"{time.time():.3f}", "filters": filters}
        status, data = self.call("GET", "/events", query)
        # One event is JSON, several are lines of it.
        lines = [json.dumps(data)] if isinstance(data, dict) else str(data or "").splitlines()
        codes = [json.loads(line)["Actor"]["Attributes"].get("exitCode", "0") for line in lines if status < 400]
        return int(codes[-1]) if codes else container.exit_code

    def logs(self, container: Handle, lines: int, *, only_stdout: bool = False) -> list[str]:
        """The last lines of a container's log. They only explain a failure, so it is no error if there are none."""
        try:
            done = subprocess.run(
                ["docker", "logs", "--tail", str(lines), container.id],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if only_stdout else subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=LOG_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return [f"(its log cannot be read: {error})"]
        return done.stdout.splitlines()

    # Builds

    def build(
        self, compose_file: str, apps: Sequence[str], fresh: bool, log: Callable[[str], None]
    ) -> list[BuildResult]:
        """Build all apps concurrently, one Compose build each, so that one failure hides no other."""

        def build_one(app: str) -> BuildResult:
            begun = time.monotonic()
            command = [
                "docker",
                "compose",
                "--file",
                compose_file,
                "build",
                *(["--no-cache", "--pull"] if fresh else []),
                app,
            ]
            build_log = BuildLog()
            with (
                self._kept(compose_file, app) as keep,
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    env=_environment(),
                ) as process,
            ):
                for line in process.stdout or ():
                    keep(line.rstrip("\n"))
                    if step := build_log.add(line.rstrip("\n")):
                        log(f"{app}: {step}")
            seconds = time.monotonic() - begun
            if process.returncode == 0:
                log(f"{app}: built in {seconds:.1f} s")
                return BuildResult(app, seconds, ok=True)
            return BuildResult(
                app, seconds, ok=False, step=build_log.failed_step, log=tuple(build_log.tail(20)), error=build_log.error
            )

        return concurrently(build_one, apps)

    def _kept(self, compose_file: str, app: str) -> AbstractContextManager[Callable[[str], object]]:
        """What keeps the lines of a build."""
        if self._archive is None:
            return contextlib.nullcontext(len)
        with open(compose_file, encoding="utf-8") as file:
            data = json.load(file)
        version = str(data["services"][app]["image"]).rpartition(":")[2]
        return self._archive.build(str(data["name"]).removesuffix("-build"), app, version)


def _compose_program() -> list[str]:
    """Compose itself if it is a plugin; otherwise Docker's command line, which reports best what is missing."""
    paths = (os.path.join(place, "docker-compose") for place in PLUGINS)
    found = next((path for path in paths if os.access(path, os.X_OK)), "")
    return [found] if found else ["docker", "compose"]


def _environment() -> dict[str, str]:
    """The part of our own environment that Compose and BuildKit may see: nothing that a file would interpolate.

    Provenance attestations contain the time of the build, so they would give an unchanged app a new image ID.
    """
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "DOCKER_HOST") if key in os.environ}
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        **kept,
        "BUILDKIT_PROGRESS": "plain",
        "DOCKER_BUILDKIT": "1",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "COMPOSE_ANSI": "never",
        "NO_COLOR": "1",
    }


def _variables(data: dict[str, Any]) -> dict[str, str]:
    return dict(item.partition("=")[::2] for item in (data.get("Config") or {}).get("Env") or [])


def _output(said: bytes) -> str:
    """The text of a stream in Docker's frames: eight bytes, of which the last four are the length of what follows."""
    text, place = b"", 0
    while place + 8 <= len(said) and said[place] in (1, 2) and said[place + 1 : place + 4] == b"\0\0\0":
        length = int.from_bytes(said[place + 4 : place + 8], "big")
        text += said[place + 8 : place + 8 + length]
        place += 8 + length
    return " ".join((text if place else said).decode(errors="replace").split())


def _container(data: dict[str, Any]) -> Container:
    labels = data["Config"]["Labels"] or {}
    state = data["State"]
    health = state.get("Health") or {}
    test = (data["Config"].get("Healthcheck") or {}).get("Test") or []
    log = health.get("Log") or [{}]
    return Container(
        id=data["Id"],
        app=labels.get(f"{LABEL}.app", ""),
        slot=labels.get(f"{LABEL}.slot", ""),
        release=labels.get(f"{LABEL}.id", ""),
        created_from=labels.get(f"{LABEL}.created-from", ""),
        image=data["Image"],
        state=state["Status"],
        exit_code=int(state.get("ExitCode", 0)),
        restarts=int(data.get("RestartCount", 0)),
        started=state.get("StartedAt", ""),
        up_seconds=_age(int(state.get("Pid") or 0)),
        health="" if health.get("Status") == "none" else str(health.get("Status", "")),
        health_said=" ".join(str(log[-1].get("Output", "")).split()),
        health_test=tuple(str(word) for word in test),
        pid=int(state.get("Pid") or 0),
        replica=int(labels.get(REPLICA, 1)),
    )


def _service(data: dict[str, Any]) -> ServiceContainer:
    labels, state = data["Config"]["Labels"] or {}, data["State"]
    networks = (data.get("NetworkSettings") or {}).get("Networks") or {}
    return ServiceContainer(
        id=data["Id"],
        app=labels.get(SERVICE, ""),
        created_from=labels.get(CREATED_FROM, ""),
        image=data["Image"],
        state=state["Status"],
        exit_code=int(state.get("ExitCode", 0)),
        restarts=int(data.get("RestartCount", 0)),
        up_seconds=_age(int(state.get("Pid") or 0)),
        address=next((item["IPAddress"] for item in networks.values() if item.get("IPAddress")), ""),
    )


def _age(process: int) -> float:
    """For how long a process has run. Docker only says when it began, by a clock that may have been set since."""
    if process <= 0:
        return 0.0
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            # The name, in parentheses, may hold anything.
            began = int(file.read().rpartition(b")")[2].split()[STARTED_FIELD])
    except (OSError, ValueError, IndexError):
        return 0.0  # it has ended by now
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK"))
