"""A stack with a service and a volume: reached by its own apps alone, kept through releases, reboots and mistakes."""

from __future__ import annotations

import shlex
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.isolation import scan
from support.lab import Lab, Result, until
from support.load import Load, Target

SOURCE = Path(__file__).parents[1] / "files" / "depot"
HOSTS = {"staging": "staging.depot.example", "production": "depot.example"}
PORTS = {"staging": "staging", "production": "http"}
#: In containers, as `docker inspect` knows them.
CONTAINER = "depot-{}-service-store-store-1"


#: A service that is built from the source.
GREETER = """ARG BASE_IMAGE
FROM ${BASE_IMAGE}
USER 10003
CMD ["python3", "-m", "http.server", "7100", "--directory", "/srv"]
"""


def stacks(lab: Lab) -> dict[str, Any]:
    return {"depot": definition(base_image(lab), "first")}


def base_image(lab: Lab) -> str:
    return lab.ssh("sudo docker image inspect --format '{{.Id}}' onehost-lab/python:3").strip()


def definition(image: str, name: str, **changes: Any) -> dict[str, Any]:
    store: dict[str, Any] = {
        "image": image,
        "command": ["python3", "-c", (SOURCE / "store.py").read_text(), name],
        "user": 10002,
        "volumes": {"kept": "/data"},
        "health": {"port": 7000, "path": "/ready"},
        "health_seconds": 10,
    }
    return {
        "directory": "/home/ubuntu/depot",
        "source": "/srv/git/depot.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"STORE_TOKEN": {"class": "secret", "same": True, "apps": ["store"]}},
        "env": {"common": {"STORE_TOKEN": "depot-store-token-for-tests"}},
        "volumes": {"kept": {"user": 10002, "backup": True}, "uploads": {"user": 10001}},
        "services": {
            "store": {**store, **changes},
            "greeter": {"context": "greeter", "health": {"port": 7100, "path": "/"}, "after": ["store"]},
        },
        "apps": {
            "depot": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21500,
                "health": "/",
                "routes": [{"path": "/"}],
                "volumes": {"uploads": "/uploads"},
            },
            "depot-clock": {
                "image_of": "depot",
                "kind": "worker",
                "command": ["python3", "-c", "import signal; signal.pause()"],
                "health_command": ["test", "-e", "/app/app.py"],
                "stop_seconds": 1,
            },
        },
    }


@dataclass
class Depot:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def provision(self, name: str, **changes: Any) -> None:
        """The service says that it is called `name`."""
        self.beside.provision("--tags stack", depot=definition(base_image(self.lab), name, **changes))

    def playbook(self, name: str, **options: Any) -> Result:
        return self.beside.playbook(name, stack="depot", **options)

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="depot", **options)

    def services(self, words: str = "") -> str:
        """What a person on the host does with production's services, and is told."""
        return self.lab.ssh(f"sudo onehost services --stack depot --environment production 2>&1 {words}", seconds=120)

    def release(self, text: str) -> None:
        files = {path.name: path.read_text() for path in SOURCE.iterdir() if path.is_file()}
        files["greeter/Dockerfile"] = GREETER
        self.lab.push_commit(
            {**files, "note.txt": f"{text} {time.time()}", "app.py": f"{files['app.py']}# {text}\n"}, repository="depot"
        )
        self.operate("deploy_staging").ok()
        self.operate("promote").ok()

    def ask(self, environment: str, path: str, **query: str) -> str:
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        answer = self.lab.get(PORTS[environment], path + words, {"Host": HOSTS[environment]})
        return f"{answer.status} {answer.body}"

    def reach(self, environment: str, host: str, port: int = 7000) -> str:
        return self.ask(environment, "/reach", host=host, port=str(port)).removeprefix("200 ")

    def container(self, environment: str, template: str) -> str:
        return self.lab.ssh(f"sudo docker inspect --format '{template}' {CONTAINER.format(environment)}").strip()

    def addresses(self, environment: str) -> list[str]:
        return self.container(environment, "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}").split()

    def status(self) -> str:
        return self.lab.ssh("sudo onehost status --stack depot")


@pytest.fixture(scope="module")
def depot(beside: Beside) -> Iterator[Depot]:
    """The stack; its first release was promoted, and with it both environments have their service."""
    with beside.until_stopped("depot"):
        found = Depot(beside)
        found.release("one")
        yield found


def test_reached_by_name_from_both_slots_across_a_promote(depot: Depot) -> None:
    for environment in HOSTS:
        assert depot.ask(environment, "/get", key="name").startswith("200 first"), depot.status()
        assert depot.ask(environment, "/set", key="who", value=environment) == "200 kept"
        assert depot.ask(environment, "/upload", name=f"in-{environment}", text="x") == "200 uploaded"
    before = depot.container("production", "{{.Id}} {{.State.StartedAt}}")
    depot.release("two")
    for environment in HOSTS:
        # Each has its own data, which the other slot sees too.
        assert depot.ask(environment, "/get", key="who") == f"200 {environment}"
        assert depot.ask(environment, "/uploads") == f"200 in-{environment}"
    depot.operate("rollback").ok()
    assert depot.ask("production", "/get", key="who") == "200 production"
    assert depot.ask("production", "/uploads") == "200 in-production"
    assert depot.container("production", "{{.Id}} {{.State.StartedAt}}") == before, "a release touched it"
    assert "services of production: greeter healthy, store healthy" in depot.status()
    assert depot.reach("production", "greeter", 7100) == "reached"


def test_two_processes_of_one_image(depot: Depot) -> None:
    for environment in HOSTS:
        labels = f"--filter label=release.onehost.stack=depot --filter label=release.onehost.environment={environment}"
        names = depot.lab.ssh(f"sudo docker ps {labels} --format '{{{{.Names}}}}'").split()
        apps = " ".join(name for name in names if "-service-" not in name)
        shown = depot.lab.ssh(f"sudo docker inspect --format '{{{{.Image}}}} {{{{json .Config.Cmd}}}}' {apps}")
        images = {line.split()[0] for line in shown.splitlines()}
        assert len(apps.split()) == 2 and len(images) == 1, shown
        assert "signal.pause" in shown and "app.py" in shown
        tagged = depot.lab.ssh(f"sudo docker image inspect --format '{{{{.Id}}}}' depot-clock:{environment}").strip()
        assert {tagged} == images
    assert " of depot" in depot.status()
    same = depot.operate("deploy_staging", apps="depot-clock").ok()
    assert "already runs" in same.stdout


def test_only_what_names_it_gets_there(depot: Depot) -> None:
    assert depot.ask("staging", "/get", key="name") == "200 first depot-store-token-for-tests"
    shown = depot.lab.ssh("sudo docker ps --filter label=release.onehost.app=depot --format '{{.Names}}'").split()[0]
    assert "STORE_TOKEN" not in depot.lab.ssh(f"sudo docker exec {shown} env")
    (path,) = depot.lab.ssh("sudo find /var/lib/onehost/depot/services/staging/store -name env").split()
    assert depot.lab.ssh(f"sudo cat {path}").count("depot-store-token-for-tests") == 1
    assert "Permission denied" in depot.lab.ssh(f"cat {path} 2>&1", check=False)


def test_nothing_else_reaches_it(depot: Depot) -> None:
    lab = depot.lab
    assert depot.container("production", "{{json .HostConfig.PortBindings}}") in ("{}", "null")
    assert ":7000 " not in lab.ssh("ss -ltn"), "no port of the host"
    for address in depot.addresses("production"):
        assert depot.reach("production", "store") == "reached"
        assert depot.reach("staging", address).startswith("not reached"), "the other environment"
        others = lab.ssh(
            "sudo docker run --rm onehost-lab/python:3 timeout 3 python3 -c 'import socket; "
            f'socket.create_connection(("{address}", 7000), 2)\' && echo reached || echo refused'
        )
        assert others.strip() == "refused", "any other container, as one of another stack is"
    assert depot.reach("production", "host.docker.internal").startswith("not reached")


def test_every_container_reaches_its_own_environment_alone(depot: Depot) -> None:
    seen = scan(depot.lab)
    own = [one.home for one in seen.values() if one.home[0] == "depot"]
    assert set(own) == {("depot", environment) for environment in HOSTS} and len(own) == 8, list(seen)
    assert ("workhub", "production") in {one.home for one in seen.values()}, "and another stack's"
    for name, one in seen.items():
        assert one.tried >= 6 and not one.foreign, (name, one.foreign)
    # So the scan does reach what may be reached.
    for name in [name for name in seen if name.endswith(("-blue-depot-1", "-green-depot-1"))]:
        _stack, environment = seen[name].home
        reached = seen[name].reached
        assert CONTAINER.format(environment) + ":7000" in reached, (name, reached)


def test_changed_on_purpose_and_put_back(depot: Depot) -> None:
    depot.ask("production", "/set", key="stays", value="yes")
    depot.provision("second")
    assert depot.ask("production", "/get", key="name").startswith("200 first"), "provisioning changes none"
    refused = depot.playbook("services")
    assert refused.rc != 0 and "where" in refused.stdout
    assert "restarts it" in depot.services("--check") and depot.ask("production", "/get", key="name").startswith(
        "200 first"
    )
    depot.playbook("services", where="production", reason="a new name").ok()
    assert depot.ask("production", "/get", key="name").startswith("200 second")
    assert depot.ask("production", "/get", key="stays") == "200 yes"
    assert depot.ask("staging", "/get", key="name").startswith("200 first"), "the other environment waits for its turn"
    assert depot.playbook("services", where="production").ok().changes == 0

    depot.provision("third", command=["python3", "-c", "import signal; signal.pause()"], health_seconds=2)
    assert "it is as it was before" in depot.services("; test $? -eq 1")
    assert depot.ask("production", "/get", key="name").startswith("200 second")
    assert "not done yet" in depot.status()
    depot.provision("second")
    depot.lab.push_commit({"greeter/Dockerfile": f"{GREETER}# {time.time()}\n"}, repository="depot")
    shown = depot.lab.ssh("sudo onehost services --stack depot --check")
    assert "staging: would replace greeter" in shown and "production: 2 services are as" in shown
    depot.lab.ssh("sudo onehost services --stack depot --environment staging", seconds=120)
    assert depot.reach("staging", "greeter", 7100) == "reached"
    depot.services()
    assert "NOT HEALTHY" not in depot.status() and "not done yet" not in depot.status()
    assert depot.ask("staging", "/get", key="name").startswith("200 second")


def test_killed_during_a_promote_production_answers(depot: Depot) -> None:
    depot.lab.push_commit({"note.txt": f"three {time.time()}"}, repository="depot")
    depot.operate("deploy_staging").ok()
    target = Target("production", depot.lab.ports["http"], "/", HOSTS["production"])
    idle = "blue" if " in green, " in depot.status().splitlines()[1] else "green"
    started = f"sudo docker ps --format '{{{{.Names}}}}' | grep --quiet depot-production-{idle}-depot-1"
    kill = f"until {started}; do sleep 0.02; done; sudo docker kill {CONTAINER.format('production')}"
    with Load([target], rate=40, fresh=1) as load:
        depot.lab.ssh(f"nohup timeout 60 sh -c {shlex.quote(kill)} >/dev/null 2>&1 &")
        depot.operate("promote").ok()
        window = load.take()
    assert window.sent > 20 and window.failed == 0, window.failures
    # It was ended by hand, so Docker leaves it; a new container is not what is missing.
    assert "store: exited" in depot.status()
    depot.services()
    assert depot.ask("production", "/get", key="stays") == "200 yes"


def test_after_a_reboot_all_of_it_is_back(depot: Depot) -> None:
    depot.lab.reboot()
    until(lambda: depot.ask("production", "/get", key="stays") == "200 yes", 90, "production has its data")
    until(lambda: depot.ask("staging", "/get", key="who") == "200 staging", 60, "staging has its own")


def test_cleanup_takes_neither_service_nor_volume(depot: Depot) -> None:
    depot.lab.ssh("sudo onehost cleanup --free-percent 95", check=False, seconds=300)
    volumes = depot.lab.ssh("sudo docker volume ls --quiet").split()
    assert {"depot_staging_kept", "depot_production_kept", "depot_staging_uploads"} <= set(volumes)
    assert depot.ask("production", "/get", key="stays") == "200 yes"
    depot.release("four")
    assert depot.ask("production", "/get", key="stays") == "200 yes"
