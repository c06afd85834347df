"""The lab: a throw-away VM in a container, reached over SSH like a real host.

    tools/lab up | down | list | sweep | seed | push --change 2 | save --snapshot mine | load --snapshot mine

The default lab is `onehost-lab` on fixed ports with its key in .lab/; any other
name gets free ports and .lab/<name>/, so labs run side by side. Tests name their
own process as a lab's owner, so that `sweep` can clear what an aborted run left.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

import lab_image
import lab_snapshot
import lab_source
from lab_options import DEFAULT_NAME, PORTS, parse
from progress import Progress, ToolError

ROOT = Path(__file__).resolve().parent.parent
LABEL = "onehost.lab"
OWNER_LABEL = "onehost.lab.owner"
DIRECTORY_LABEL = "onehost.lab.directory"
LOOPBACK = "127.0.0.1"
USER = "ubuntu"
BOOT_SECONDS = 90.0
DOCKER_KNOWS_OWN_CAPABILITIES = 23
# Below Linux's range for outgoing connections, so that its ports are still free at a restart.
FREE_PORTS = range(20000, 32000)
FILES = ("id_ed25519", "id_ed25519.pub", "known_hosts", "lab.json", "environment")

progress = Progress("lab")


@dataclass(frozen=True)
class Lab:
    """One lab's name and its files on this machine."""

    name: str
    directory: Path

    @property
    def key(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def volumes(self) -> dict[str, str]:
        """Volume name to its mount point in the lab: overlay2 does not work on overlay2, and what a cluster asks of the
        file system as it writes, sync_file_range(2), does nothing there."""
        return {
            f"{self.name}-docker": "/var/lib/docker",
            f"{self.name}-containerd": "/var/lib/containerd",
            f"{self.name}-postgresql": "/var/lib/postgresql",
        }

    def ssh_options(self) -> list[str]:
        return [
            *("-i", str(self.key)),
            *("-o", f"UserKnownHostsFile={self.known_hosts}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"),
            *("-o", "BatchMode=yes", "-o", "ConnectTimeout=5"),
        ]


def up(lab: Lab, wanted: dict[str, int], owner: int | None) -> None:
    """Find or create the lab; when this returns, it answers over SSH."""
    client = connect()
    lab_image.ensure_programs(progress, {"ssh": "openssh-client", "ssh-keygen": "openssh-client"})
    container = find(client, lab)
    if container and not owner_lives(container):
        progress.say(f"{lab.name}: left behind by a process that is gone, starting afresh")
        down(lab)
        container = None
    make_key(lab)
    if container is None:
        image = lab_image.ensure_image(client, progress)
        with progress.step(f"{lab.name}: creating"):
            container = create(client, lab, image, wanted, owner)
    elif container.status != "running":
        with progress.step(f"{lab.name}: starting"):
            start(container)
    finish(lab, container)


def finish(lab: Lab, container: Container) -> None:
    """The last steps of every start: give this clone access, and write down how to connect."""
    container.reload()
    ports = published(container)
    authorise(container, lab)
    seed(container, only_missing=True)
    with progress.step(f"{lab.name}: waiting for SSH on port {ports['ssh']}"):
        wait_for_ssh(container, lab, ports["ssh"])
    describe(lab, container, ports)
    progress.say(f"{lab.name} is up: {shlex.join(login(lab, ports['ssh']))}")


def save(lab: Lab, snapshot: str) -> None:
    """Take a snapshot of the lab, which is stopped meanwhile and started again."""
    client, container = connect(), running(lab)
    ports = announced(container)
    with progress.step(f"{lab.name}: taking the snapshot {snapshot}"):
        container.stop(timeout=60)
        lab_snapshot.save(client, lab.name, lab.volumes, snapshot, ports)
        start(container)
    finish(lab, container)


def load(lab: Lab, snapshot: str) -> None:
    """Replace the lab by a snapshot: same name, same ports."""
    client, container = connect(), running(lab)
    lab_snapshot.check(client, snapshot)
    ports, (pid, _, _) = published(container), container.labels.get(OWNER_LABEL, "").partition(":")
    with progress.step(f"{lab.name}: starting from the snapshot {snapshot}"):
        remove(client, lab)
        image = lab_snapshot.image_of(snapshot)
        container = create(client, lab, image, ports, int(pid) if pid else None, snapshot)
    finish(lab, container)


def create(
    client: docker.DockerClient,
    lab: Lab,
    image: str,
    wanted: dict[str, int],
    owner: int | None,
    snapshot: str = "",
) -> Container:
    """Create and start the container. Ports that were chosen, not requested, are chosen again on conflict."""
    attempts = 5
    for attempt in range(1, attempts + 1):
        ports = {use: port or free_port() for use, port in wanted.items()}
        try:
            return create_once(client, lab, image, ports, owner, snapshot)
        except ToolError as error:
            remove(client, lab)
            chosen = any(not port for port in wanted.values())
            if not is_port_conflict(str(error)) or not chosen or attempt == attempts:
                forget(lab)
                raise
    raise AssertionError("unreachable")


def create_once(
    client: docker.DockerClient, lab: Lab, image: str, ports: dict[str, int], owner: int | None, snapshot: str
) -> Container:
    labels = {LABEL: lab.name, DIRECTORY_LABEL: str(lab.directory)}
    if owner:
        labels[OWNER_LABEL] = f"{owner}:{started_at(owner)}"
    for volume in lab.volumes:
        client.volumes.create(volume, labels=labels)
    if snapshot:
        lab_snapshot.fill(client, snapshot, lab.volumes)
    # With the command line: the API has no systempaths=unconfined.
    options = ["--name", lab.name, "--hostname", lab.name]
    options += [word for pair in labels.items() for word in ("--label", "=".join(pair))]
    options += [f"--volume={volume}:{place}" for volume, place in lab.volumes.items()]
    options += [f"--publish={LOOPBACK}:{port}:{PORTS[use][0]}" for use, port in ports.items()]
    system, arguments = systemd_options(client)
    lab_image.run(
        ["docker", "create", *options, *system, image, "/usr/local/sbin/lab-init", *arguments],
        f"creating the container {lab.name}",
    )
    container = client.containers.get(lab.name)
    start(container)
    return container


def systemd_options(client: docker.DockerClient) -> tuple[list[str], list[str]]:
    """Options for the container and arguments for PID 1 that let systemd and Docker run in it.

    Not --privileged: it fails on machines that lack CAP_SYS_RESOURCE themselves.
    There, Docker before 23 must be told to leave it out of "ALL". Since 23, "ALL" means
    the capabilities that exist, and dropping one that does not exist is an error.
    """
    options = ["--cap-add=ALL", "--device-cgroup-rule=a *:* rwm"]
    if int(client.version()["Version"].split(".")[0]) < DOCKER_KNOWS_OWN_CAPABILITIES:
        options.append("--cap-drop=SYS_RESOURCE")
    options += [f"--security-opt={it}=unconfined" for it in ("seccomp", "apparmor", "systempaths")]
    options += ["--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec"]
    # systemd's signal for an orderly halt, with time to stop what runs in the lab.
    options += ["--stop-signal=SIGRTMIN+3", "--stop-timeout=60", "--env=container=docker"]
    if client.info().get("CgroupVersion") == "2":
        return [*options, "--cgroupns=private"], []
    return (
        [*options, "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"],
        ["systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"],
    )


def start(container: Container) -> None:
    try:
        container.start()
    except docker.errors.APIError as error:
        reason = str(error.explanation or error)
        fix = f"See 'docker logs {container.name}'."
        if is_port_conflict(reason):
            fix = (
                "Another program has this port. See which: 'ss -tlnp'. Stop it, or use other "
                "ports: 'tools/lab up --ssh-port 0 --staging-port 0 --production-port 0 "
                "--http-port 0'."
            )
        raise ToolError(f"{container.name} does not start: {reason}\n{fix}") from None


def is_port_conflict(reason: str) -> bool:
    return "port is already allocated" in reason or "address already in use" in reason


def down(lab: Lab, images: bool = False) -> None:
    """Remove all traces. Images only on request, because they take a minute to build."""
    client = connect()
    existed = find(client, lab) is not None
    with progress.step(f"{lab.name}: removing"):
        remove(client, lab)
        forget(lab)
        if images:
            lab_snapshot.prune(client, kept=0)
            lab_image.remove_old_images(client, keep="")
    if not existed:
        progress.say(f"{lab.name}: there was no such lab")


def remove(client: docker.DockerClient, lab: Lab) -> None:
    container = find(client, lab)
    if container:
        container.remove(force=True, v=True)
    for volume in client.volumes.list(filters={"label": f"{LABEL}={lab.name}"}):
        volume.remove()


def forget(lab: Lab) -> None:
    """Remove the lab's own files, and its folder if it has one."""
    for name in FILES:
        (lab.directory / name).unlink(missing_ok=True)
    if lab.name != DEFAULT_NAME and lab.directory.name == lab.name:
        shutil.rmtree(lab.directory, ignore_errors=True)
    elif lab.directory.is_dir() and not any(lab.directory.iterdir()):
        lab.directory.rmdir()


def sweep() -> None:
    """Remove labs, or their remains, whose owner's process has ended."""
    client = connect()
    containers = client.containers.list(all=True, filters={"label": OWNER_LABEL})
    volumes = client.volumes.list(filters={"label": OWNER_LABEL})
    # A run that was killed early leaves volumes without a container.
    left = [container.labels for container in containers]
    left += [volume.attrs["Labels"] for volume in volumes]
    gone = {it[LABEL]: it[DIRECTORY_LABEL] for it in left if it[OWNER_LABEL] and not process_lives(it[OWNER_LABEL])}
    for name, directory in gone.items():
        down(Lab(name, Path(directory)))
    lab_snapshot.prune(client)


def list_labs() -> None:
    for container in connect().containers.list(all=True, filters={"label": LABEL}):
        ports = " ".join(f"{use}={port}" for use, port in published(container).items())
        owner = container.labels.get(OWNER_LABEL, "nobody's test")
        alive = "" if owner_lives(container) else " (gone: tools/lab sweep)"
        print(f"{container.name:<20} {container.status:<8} {ports:<56} owner {owner or 'nobody'}{alive}")


def find(client: docker.DockerClient, lab: Lab) -> Container | None:
    """The lab's container. Raises ToolError for a container of that name that is not a lab."""
    try:
        container = client.containers.get(lab.name)
    except docker.errors.NotFound:
        return None
    if container.labels.get(LABEL) != lab.name:
        raise ToolError(
            f"the container {lab.name} on this machine was not made by tools/lab (it has no "
            f"label {LABEL}={lab.name}), so it is left alone. Use another --name, or see what it "
            f"is: 'docker inspect {lab.name}'."
        )
    return container


def started_at(pid: int) -> str:
    """A process's start time in clock ticks: together with the pid it identifies one process."""
    try:
        # The second field, the name in parentheses, may contain spaces itself.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return ""


def process_lives(owner: str) -> bool:
    pid, _, begin = owner.partition(":")
    return bool(begin) and started_at(int(pid)) == begin


def owner_lives(container: Container) -> bool:
    """Whether the owner's process still runs. Labs without an owner, like the default one, are kept until `down`."""
    owner = container.labels.get(OWNER_LABEL)
    return not owner or process_lives(owner)


def inside(container: Container, *command: str) -> tuple[bool, str]:
    """Run a command in the lab as root, through Docker: works before SSH does."""
    answer = container.exec_run(list(command), stream=False)
    output = answer.output if isinstance(answer.output, bytes) else b"".join(answer.output)
    return answer.exit_code == 0, output.decode(errors="replace")


def published(container: Container) -> dict[str, int]:
    """The lab's ports on this machine; also known while the container is stopped."""
    bindings: dict[str, Any] = container.attrs["HostConfig"]["PortBindings"]
    # A lab that was made before an example had ports of its own lacks those.
    there = {use: bindings[f"{in_lab}/tcp"] for use, (in_lab, _) in PORTS.items() if f"{in_lab}/tcp" in bindings}
    return {use: int(binding[0]["HostPort"]) for use, binding in there.items()}


def announced(container: Container) -> dict[str, int]:
    """The ports in addresses on the host. In a lab made from a snapshot, those of the original lab."""
    return published(container) | lab_snapshot.known_ports(container.labels)


def free_port() -> int:
    for port in random.sample(FREE_PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise ToolError(f"no free port among 200 of {FREE_PORTS}. See what listens: 'ss -tln'.")


def make_key(lab: Lab) -> None:
    lab.directory.mkdir(parents=True, exist_ok=True)
    if not lab.key.exists():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", lab.name, "-f"]
        lab_image.run([*command, str(lab.key)], f"the key {lab.key}")


def authorise(container: Container, lab: Lab) -> None:
    """Add this clone's key; the key of another clone that created the lab stays valid."""
    public = lab.key.with_name("id_ed25519.pub").read_text()
    path = f"/home/{USER}/.ssh/authorized_keys"
    present, output = inside(container, "cat", path)
    keys = output if present else ""
    if public not in keys:
        entry = tarfile.TarInfo("authorized_keys")
        content = (keys + public).encode()
        entry.size, entry.mode = len(content), 0o600
        entry.uid = entry.gid = lab_source.USER_ID
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.addfile(entry, io.BytesIO(content))
        container.put_archive(str(Path(path).parent), buffer.getvalue())


def seed(container: Container, only_missing: bool) -> None:
    """Give the lab its git repositories, each with commit 1 of an example."""
    for name, source in lab_source.examples().items():
        place = f"/{lab_source.HOME}/{name}.git"
        exists, _ = inside(container, "test", "-d", place)
        if exists and only_missing:
            continue
        content = lab_source.repository_archive(name, source)
        if exists:
            inside(container, "rm", "-rf", place)
        container.put_archive(f"/{lab_source.HOME}", content)
        progress.say(f"{container.name}: {place} holds commit 1 of {source.relative_to(ROOT)}")


def login(lab: Lab, port: int) -> list[str]:
    return ["ssh", *lab.ssh_options(), "-p", str(port), f"{USER}@{LOOPBACK}"]


def wait_for_ssh(container: Container, lab: Lab, port: int) -> None:
    """Read the host key from inside, then log in with strict checking."""
    deadline = time.monotonic() + BOOT_SECONDS
    reason = ""
    while time.monotonic() < deadline:
        present, host_key = inside(container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        if present and host_key.count(" ") >= 2:
            kind, key = host_key.split()[:2]
            lab.known_hosts.write_text(f"[{LOOPBACK}]:{port} {kind} {key}\n")
            answer = subprocess.run(
                [*login(lab, port), "true"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.returncode == 0:
                return
            reason = answer.stderr.strip()
        else:
            reason = "no host key yet"
        time.sleep(0.2)
    _, failed = inside(container, "systemctl", "--no-pager", "--failed")
    raise ToolError(
        f"{lab.name} did not let {USER} in over SSH on {LOOPBACK}:{port} within "
        f"{BOOT_SECONDS:.0f} s: {reason}\n{failed}\nSee 'docker exec {lab.name} journalctl -b', "
        f"or start afresh: 'tools/lab down --name {lab.name}' and 'up' again."
    )


def describe(lab: Lab, container: Container, ports: dict[str, int]) -> None:
    """Write lab.json for tests, and a file of exports for shells and Ansible's inventory."""
    facts = {
        "name": lab.name,
        "host": LOOPBACK,
        "user": USER,
        "ports": ports,
        "announced_ports": announced(container),
        "directory": str(lab.directory),
        "key": str(lab.key),
        "known_hosts": str(lab.known_hosts),
        "image": container.attrs["Config"]["Image"],
        "base_images": list(lab_image.BASE_IMAGES),
        "repositories": {
            name: f"ssh://{USER}@{LOOPBACK}:{ports['ssh']}/{lab_source.HOME}/{name}.git"
            for name in lab_source.examples()
        },
    }
    (lab.directory / "lab.json").write_text(json.dumps(facts, indent=2) + "\n")
    # The addresses that the host knows, so that provisioning it again changes nothing.
    known = announced(container) | {"ssh": ports["ssh"]}
    variables = {"NAME": lab.name, "DIRECTORY": str(lab.directory)}
    variables |= {f"{use.upper()}_PORT": str(port) for use, port in known.items()}
    (lab.directory / "environment").write_text(
        "".join(f"export ONEHOST_LAB_{k}={shlex.quote(v)}\n" for k, v in variables.items())
    )


def push(lab: Lab, repository: str, change: int) -> str:
    """Push a later change of an example to the lab, as its developer would."""
    container = running(lab)
    port = published(container)["ssh"]
    command = shlex.join(["ssh", *lab.ssh_options(), "-p", str(port)])
    url = f"ssh://{USER}@{LOOPBACK}:{port}/{lab_source.HOME}/{repository}.git"
    commit = lab_source.push_change(repository, change, url, command)
    progress.say(f"{lab.name}: main of {repository} is {commit[:12]}")
    return commit


def running(lab: Lab) -> Container:
    container = find(connect(), lab)
    if container is None or container.status != "running":
        raise ToolError(f"the lab {lab.name} is not running. Fix: tools/lab up --name {lab.name}")
    return container


def connect() -> docker.DockerClient:
    """Connect to the Docker daemon that the command line uses, contexts included."""
    host = os.environ.get("DOCKER_HOST")
    if not host:
        show = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
        host = lab_image.run(show, "the docker client's context").strip()
    try:
        return docker.DockerClient(base_url=host, version="auto", timeout=120)
    except docker.errors.DockerException as error:
        raise ToolError(f"no Docker engine answers on {host} ({error}). Fix: tools/engine") from None


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    if options.command in ("list", "sweep"):
        {"list": list_labs, "sweep": sweep}[options.command]()
        return
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", options.name):
        raise ToolError(f"--name {options.name}: only a-z, 0-9 and '-' are good for a host name.")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", getattr(options, "snapshot", "none")):
        raise ToolError(f"--snapshot {options.snapshot}: only a-z, 0-9 and '-' are good for a snapshot's name.")
    base: Path = ROOT / options.directory
    default = options.name == DEFAULT_NAME
    lab = Lab(options.name, base if default else base / options.name)
    match options.command:
        case "up":
            ports: dict[str, int] = {}
            for use, (_, usual) in PORTS.items():
                asked: int | None = getattr(options, f"{use}_port")
                ports[use] = asked if asked is not None else usual if default else 0
            up(lab, ports, options.owner_pid)
        case "down":
            down(lab, options.images)
        case "seed":
            seed(running(lab), only_missing=False)
        case "save":
            save(lab, options.snapshot)
        case "load":
            load(lab, options.snapshot)
        case "push":
            print(push(lab, options.repository, options.change))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ToolError as problem:
        progress.say(str(problem))
        sys.exit(1)
    except docker.errors.APIError as problem:
        progress.say(f"the Docker engine refused: {problem.explanation or problem}")
        progress.say("See 'docker ps -a'. Start afresh: 'tools/lab down' and 'up' again.")
        sys.exit(1)
    except KeyboardInterrupt:
        progress.say("interrupted; nothing is lost, the next 'up' or 'down' carries on")
        sys.exit(130)
