# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LeakWatch, from its demo on: releases, stops and kills lose no work of its queue, and its logs have no secret."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import leakwatch_demo as sample
import pytest
from support import strategy
from support.faults import LONG, SHORT
from support.lab import ROOT, Lab, Result, kept_lab, started, until
from support.snapshot import reach

SWITCHES = 4 if SHORT else 10


@dataclass
class Product:
    """The stack on its lab."""

    lab: Lab
    #: What the demo said.
    said: str

    def of(self, environment: str) -> sample.LeakWatch:
        return sample.LeakWatch(self.lab.ports[f"leakwatch_{environment}"])

    @property
    def host(self) -> sample.Host:
        return sample.Host((*self.lab.ssh_words, "ubuntu@127.0.0.1"))

    def play(self, name: str) -> Result:
        return self.lab.operate(name, stack=sample.STACK).ok()

    def version(self) -> int:
        return int(self.of("production").ask("/api/about").json()["version"])

    def switch(self) -> None:
        """To the other one of the two releases."""
        self.play("promote" if self.version() == 1 else "rollback")

    def process(self, name: str) -> str:
        """The process that a container is, by its number on the host."""
        return self.host.run(f"sudo docker inspect --format '{{{{.State.Pid}}}}' {name}")[1]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """From `make demo STACK=leakwatch` on: commit 2 in staging, commit 1 in production again."""
    with started("e2e" if kept_lab() else "leakwatch") as lab:
        if not kept_lab():
            reach(lab, "provisioned", lambda: lab.playbook("provision").ok())
        words = [sys.executable, "tools/demo.py", "--name", lab.name, "--stack", sample.STACK]
        environment = os.environ | strategy.environment()
        shown = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr
        yield Product(lab, shown.stdout + shown.stderr)


class Uploads(threading.Thread):
    """Bills that are sent by the clock until it is told to stop; each `failing`th fails at its first try."""

    def __init__(self, product: sample.LeakWatch, rate: float, failing: int = 0, **asked: int) -> None:
        super().__init__(daemon=True)
        self.product, self.rate, self.failing, self.asked = product, rate, failing, asked
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self.asked_to_fail = 0
        self.over = threading.Event()

    def run(self) -> None:
        number, begin = 0, time.monotonic()
        while not self.over.wait(max(0.0, begin + number / self.rate - time.monotonic())):
            number += 1
            fails = int(bool(self.failing) and number % self.failing == 0)
            try:
                self.accepted.append(self.product.upload(**self.asked, fails=fails))
                self.asked_to_fail += fails
            except (OSError, AssertionError) as error:
                self.refused.append(str(error))

    def __enter__(self) -> Uploads:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join(60)

    def finished(self) -> dict[str, dict[str, Any]]:
        """What was found in each. Nothing was refused, and nothing is lost."""
        assert not self.refused, self.refused[:3]
        return self.product.finished(self.accepted, 120)


def test_the_demo_shows_what_is_special(product: Product) -> None:
    said = product.said
    assert "through the edge, the bucket, the queue and the worker: 3 charges, twice: hosting,12" in said, said
    assert "2 equal containers of the api answer" in said
    assert "413 by the edge" in said and "name their own address" in said and "0 leaks found" in said
    assert said.count("none was lost:") == 2 and "version 2, release" in said and "version 1, release" in said
    assert product.of("staging").ask("/api/about").json()["version"] == 2 and product.version() == 1


def test_old_and_new_do_each_others_work(product: Product) -> None:
    """An old api's work by a new worker, and the reverse, on the way there and back: a further field minds nobody."""
    pairs = Counter[tuple[int, int]]()
    for _ in ("promote", "rollback"):
        # More than one worker does in that time, so there is work for both whenever both are there.
        with Uploads(product.of("production"), rate=3, seconds=1, least=20) as uploads:
            product.switch()
        for found in uploads.finished().values():
            knows = found["from"] == found["by"] == 2
            assert found["leaks"] == ([] if knows else [sample.LEAK]) and found["tries"] == 1, found
            pairs[found["from"], found["by"]] += 1
    print("\n(version of the api, of the worker):", dict(pairs))
    assert pairs[1, 2] > 0 and pairs[2, 1] > 0, pairs


def test_no_work_is_lost_over_many_switches_under_load(product: Product) -> None:
    """Ten promotes and rollbacks by turns, a few in `make test`; with ONEHOST_LONG ten promotes of new commits."""
    production, before = product.of("production"), product.of("production").counts()
    with Uploads(production, rate=8, failing=10) as uploads:
        for number in range(SWITCHES):
            if LONG:
                note = {"server/src/version.json": f'{{ "version": 2, "note": {number} }}\n'}
                product.lab.push_commit(note, repository=sample.STACK)
                product.play("deploy_staging")
                product.play("promote")
            else:
                product.switch()
    found = uploads.finished()
    after = production.counts()
    grown = {name: after[name] - before[name] for name in after}
    print(f"\n{SWITCHES} switches: {len(uploads.accepted)} accepted, {len(uploads.refused)} refused;", grown)
    assert grown["enqueued"] == grown["done"] == grown["runs"] == len(found) > 8, "none lost, none done twice"
    assert grown["retried"] == uploads.asked_to_fail > 0 and grown["stalled"] == after["failed"] == 0
    assert len({it["by"] for it in found.values()}) == (1 if LONG else 2)


def test_a_worker_that_is_told_to_stop_finishes(product: Product) -> None:
    production = product.of("production")
    (worker,) = product.host.containers("production", "leakwatch-worker")
    before = production.counts()
    # Twice what it can do, so it is in the middle of two whenever it is told to stop.
    with Uploads(production, rate=1, seconds=4) as uploads:
        until(lambda: production.counts()["active"] == 2, 20, "it has begun")
        product.switch()
    code, said = product.host.run(
        f"sudo docker inspect --format '{{{{.State.ExitCode}}}}' {worker}; sudo docker logs --since 10m {worker}"
    )
    messages = re.findall(r'"msg":"(\w+)"', said)
    # A slot's containers are kept and used again, so there may be earlier stops.
    after_stop = messages[len(messages) - messages[::-1].index("stopping") - 1 :] if "stopping" in messages else []
    assert code == 0 and said.splitlines()[0] == "0", said[-1500:]
    assert after_stop == ["stopping", "done", "done", "stopped"], messages[-8:]
    assert {found["tries"] for found in uploads.finished().values()} == {1}
    assert production.counts()["stalled"] == before["stalled"]


def test_what_a_kill_interrupts_is_done_by_another(product: Product) -> None:
    """The worker and Redis are killed outright; each comes back by itself, and nothing is lost."""
    production, before = product.of("production"), product.of("production").counts()
    sent = [production.upload(seconds=4), production.upload(seconds=4)]
    until(lambda: production.counts()["active"] == 2, 10, "both have begun")
    (worker,) = product.host.containers("production", "leakwatch-worker")
    redis = f"{sample.STACK}-production-service-redis-redis-1"
    assert product.host.run(f"sudo kill -9 {product.process(worker)} {product.process(redis)}")[0] == 0
    sent.append(production.upload())
    found = production.finished(sent, 60)
    after = production.counts()
    assert after["stalled"] - before["stalled"] == 2 and len(found) == 3, after
    assert after["enqueued"] == after["done"], after


#: One line of each kind, and the kind that is told.
LEAKS = {
    "Authorization: Bearer abcdef0123456789": "an Authorization header",
    '{"headers":{"authorization":"x1"}}': "an Authorization header",
    "GET http://files:9000/b/f?x=1&X-Amz-Signature=0a1b2c": "a presigned address",
    "GET /callback?token=0a1b2c3d": "a token in an address",
    "shop shpat_0123456789abcdef": "a token",
    "the key is lab-only-production-bucket-secret": "the value of R2_SECRET_ACCESS_KEY",
}


def test_no_secret_is_in_the_logs(product: Product) -> None:
    for environment in ("staging", "production"):
        assert product.of(environment).connect_shop()
        work = product.of(environment).upload()
        assert "X-Amz-Signature=" in product.of(environment).ask(f"/api/uploads/{work}/link").text
        code, said = product.host.scan(environment)
        assert code == 0 and "failed" not in said, said
        code, said = product.host.scan_containers(environment)
        assert code == 0 and said.endswith(" 0 leaks found") and not said.startswith("0 lines"), said


def test_a_secret_in_the_logs_fails_the_job(product: Product) -> None:
    api = product.host.containers("production", "leakwatch-api")[0]
    leak = "/var/log/leakwatch/leak.jsonl"
    put = f"sudo docker exec {api} sh -c \"echo 'shop {sample.TOKEN}' > {leak}\""
    assert product.host.run(put) == (0, "")
    code, said = product.host.scan("production")
    shown = product.host.run(f"sudo onehost jobs --stack {sample.STACK} --environment production")[1]
    history = product.host.run(
        f"sudo onehost jobs --stack {sample.STACK} --environment production --history leakwatch-scan"
    )[1]
    assert product.host.run(f"sudo docker exec {api} rm {leak}") == (0, "")
    assert code == 1 and "exit code 1" in said, said
    assert "leakwatch-scan" in shown and "failed" in shown, shown
    assert "LEAK: leak.jsonl, line 1: a token" in history and sample.TOKEN not in said + shown + history, history
    assert product.host.scan("production")[0] == 0


def test_each_kind_of_secret_is_seen(product: Product) -> None:
    quoted = " ".join(f"'{line}'" for line in LEAKS)
    code, said = product.host.scan_text("production", f"printf '%s\\n' fine {quoted}")
    told = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("LEAK: ")]
    assert code == 1 and told == [f"the log, line {n}: {kind}" for n, kind in enumerate(LEAKS.values(), 2)], said
    assert not any(secret in said for secret in ("abcdef", "0a1b2c", "shpat_", "bucket-secret")), "values are not shown"


def test_each_environment_is_what_it_says(product: Product) -> None:
    assert all(len(product.of(name).apis()) == 2 for name in ("staging", "production"))
    images = {app: product.host.images(f"leakwatch-{app}") for app in ("web", "api", "worker")}
    for environment in ("staging", "production"):
        port = product.lab.ports[f"leakwatch_{environment}"]
        assert product.of(environment).addresses() == {f"http://127.0.0.1:{port}"}
        assert product.of(environment).ask("/api/uploads", "x" * 900_000).status == 202
        assert product.of(environment).ask("/api/uploads", sample.TOO_LARGE).status == 413
    assert len(images["web"]) == 1 and images["api"] == images["worker"], images
