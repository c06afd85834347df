"""LeakWatch as its users see it, and what `make demo STACK=leakwatch` shows of it.

`LeakWatch` and `Host` are used by the tests too.
"""

from __future__ import annotations

import http.client
import json
import re
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo import Demo

BILL = "hosting,12\nmail,3\nhosting,12\n"
LEAK = "hosting,12"
#: What the edge takes for the api, its `body_limit`, is 1 MB.
TOO_LARGE = "x" * 1_100_000
TOKEN = "shpat_0123456789abcdef0123456789abcdef"  # it opens nothing
STACK = "leakwatch"


@dataclass(frozen=True)
class Answer:
    status: int
    release: str
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class LeakWatch:
    """One environment, through the edge."""

    port: int

    def ask(self, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """GET a path, or POST a body to it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers.get("X-Release", ""), answer.read().decode(errors="replace"))
        finally:
            connection.close()

    def upload(self, bill: str = BILL, /, **asked: int) -> str:
        """The id of a bill that was taken."""
        words = "&".join(f"{name}={value}" for name, value in asked.items())
        answer = self.ask(f"/api/uploads?{words}", bill)
        assert answer.status == 202, answer
        return str(answer.json()["id"])

    def finished(self, ids: Iterable[str], seconds: float) -> dict[str, dict[str, Any]]:
        """What was found in each of them. Raises AssertionError if one is lost, has failed, or takes longer."""
        deadline, found, left = time.monotonic() + seconds, {}, list(ids)
        while left:
            work = self.ask(f"/api/uploads/{left[0]}").json()
            assert work.get("state") not in (None, "failed"), f"{left[0]} is lost: {work}"
            if work["state"] == "completed":
                found[left.pop(0)] = {**work["findings"], "tries": work["tries"]}
            else:
                assert time.monotonic() < deadline, f"{len(left)} are not done: {self.counts()}"
                # Between two questions; the deadline is above.
                time.sleep(0.2)
        return found

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.ask("/api/counts").json()
        return counts

    def addresses(self) -> set[str]:
        """All that the page says of where it and its api are."""
        found = re.findall(r"https?://[\w.-]+(?::\d+)?(?:/api)?", self.ask("/").text)
        return {address.removesuffix("/api") for address in found if "127.0.0.1" in address}

    def apis(self, times: int = 20) -> set[str]:
        """The containers of the api that answer."""
        return {str(self.ask("/api/about").json()["container"]) for _ in range(times)}

    def connect_shop(self) -> bool:
        """Whether a shop's token is kept, and kept encrypted."""
        answer = self.ask("/api/shops/lab", "", {"Authorization": f"Bearer {TOKEN}"})
        return bool(answer.status == 200 and answer.json()["kept"])


@dataclass(frozen=True)
class Host:
    """The VM, by SSH."""

    words: tuple[str, ...]

    def run(self, command: str) -> tuple[int, str]:
        answer = subprocess.run(
            [*self.words, command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        return answer.returncode, answer.stdout.strip()

    def containers(self, environment: str, app: str = "") -> list[str]:
        """Names of the containers that run, of one app or of all."""
        filters = {"stack": STACK, "environment": environment} | ({"app": app} if app else {})
        labels = " ".join(f"--filter label=release.onehost.{name}={value}" for name, value in filters.items())
        return self.run(f"sudo docker ps {labels} --format '{{{{.Names}}}}'")[1].split()

    def images(self, app: str) -> set[str]:
        """The images of an app, in both environments."""
        names = [name for environment in ("staging", "production") for name in self.containers(environment, app)]
        return set(self.run(f"sudo docker inspect --format '{{{{.Image}}}}' {shlex.join(names)}")[1].split())

    def scan(self, environment: str) -> tuple[int, str]:
        """Run the job that searches the day's log of the apps for secrets."""
        words = f"--stack {STACK} --environment {environment} --run leakwatch-scan --reason 'look now'"
        return self.run(f"sudo onehost jobs {words} 2>&1")

    def scan_text(self, environment: str, command: str) -> tuple[int, str]:
        """Search what a command prints on the host, in the same way."""
        api = self.containers(environment, "leakwatch-api")[0]
        return self.run(f"{{ {command}; }} | sudo docker exec -i {api} node dist/scan.js -")

    def scan_containers(self, environment: str) -> tuple[int, str]:
        """Search all that Docker has of the containers that run, services too."""
        logs = " ".join(f"sudo docker logs {name} 2>&1;" for name in self.containers(environment))
        return self.scan_text(environment, logs.removesuffix(";"))


def of(demo: Demo, environment: str) -> LeakWatch:
    return LeakWatch(demo.port(environment))


def version(demo: Demo, environment: str) -> tuple[str, str]:
    """The release that answers, and what it says it is."""
    answer = of(demo, environment).ask("/api/about")
    return answer.release, f"version {answer.json()['version']}"


_sent: list[str] = []


def show(demo: Demo, moment: str) -> list[str]:
    """Lines to show at a moment of the demo."""
    production = of(demo, "production")
    if moment == "first":
        return [*work_is_done(production), *one_image(demo), *nothing_in_the_logs(demo)]
    if moment in ("before second", "before back"):
        _sent[:] = [production.upload(seconds=1) for _ in range(12)]
        return [f"{len(_sent)} bills of one second of work each were sent to production"]
    return across(production, _sent)


def work_is_done(production: LeakWatch) -> list[str]:
    (found,) = production.finished([production.upload()], 30).values()
    assert found["leaks"] == [LEAK], found
    (again,) = production.finished([production.upload(fails=1)], 30).values()
    refused = production.ask("/api/uploads", TOO_LARGE)
    assert refused.status == 413, refused
    return [
        f"a bill through the edge, the bucket, the queue and the worker: {found['lines']} charges, twice: {LEAK}",
        f"one whose first try fails: done, in {again['tries']} tries",
        f"{len(production.apis())} equal containers of the api answer by turns",
        f"one of {len(TOO_LARGE) / 1e6} MB: {refused.status} by the edge",
    ]


def one_image(demo: Demo) -> list[str]:
    said = {environment: of(demo, environment).addresses() for environment in ("staging", "production")}
    expected = {name: {f"http://127.0.0.1:{demo.port(name)}"} for name in said}
    images = Host(tuple(demo.ssh)).images("leakwatch-web")
    assert said == expected and len(images) == 1, (said, images)
    return ["one image of the pages, and each environment's pages name their own address"]


def nothing_in_the_logs(demo: Demo) -> list[str]:
    assert of(demo, "production").connect_shop()
    host = Host(tuple(demo.ssh))
    code, said = host.scan("production")
    assert code == 0, said
    code, all_of_it = host.scan_containers("production")
    assert code == 0, all_of_it
    return [f"a shop's token is kept encrypted, and the job leakwatch-scan found no secret in the logs: {all_of_it}"]


def across(production: LeakWatch, ids: Iterable[str]) -> list[str]:
    """Who did the work that was sent before a switch."""
    pairs = Counter((it["from"], it["by"]) for it in production.finished(ids, 60).values())
    shown = ", ".join(f"{count} of api {api} by worker {worker}" for (api, worker), count in sorted(pairs.items()))
    counts = production.counts()
    words = ", ".join(f"{counts[name]} {name}" for name in ("enqueued", "done", "retried", "failed"))
    assert counts["enqueued"] == counts["done"] and not counts["failed"], counts
    return [f"none was lost: {shown}; since the beginning {words}"]


def closing(demo: Demo) -> list[str]:
    """Lines for the end: what else is there, and how to use it."""
    address = f"http://127.0.0.1:{demo.port('production')}"
    return [
        "   Each has pages, an api, its worker, a Redis and a bucket of its own",
        "",
        "Send a bill",
        f"   answer=$(printf 'hosting,12\\nhosting,12\\n' | curl -s {address}/api/uploads --data-binary @-)",
        "   id=$(echo $answer | cut -d'\"' -f4)",
        f"   curl -s {address}/api/uploads/$id",
        f"   curl -s {address}/api/counts",
    ]
