# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glimpse, from its demo on: what the outside was promised holds, and addresses go and come with releases."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import glimpse_demo as sample
import pytest
from support import strategy
from support.lab import ROOT, Lab, Result, kept_lab, started
from support.snapshot import reach

INVENTORY = ROOT / "inventories" / "lab-glimpse"
NEW_ORIGIN = "https://tablet.glimpse.example"


@dataclass
class Product:
    """The stack on its lab."""

    lab: Lab
    #: What the demo said.
    said: str

    @property
    def production(self) -> sample.Glimpse:
        return sample.Glimpse(self.lab.ports["glimpse_production"])

    def operate(self, words: str) -> tuple[int, str]:
        """An operation by the command on the host: its exit code, and what it said."""
        command = f"sudo onehost {words} --stack {sample.STACK} --watch-seconds 1 2>&1; echo exit code $?"
        said, _, code = self.lab.ssh(command, seconds=300).rpartition("exit code ")
        return int(code), said

    def good(self, words: str) -> str:
        code, said = self.operate(words)
        assert code == 0, said
        return said

    def provision(self, **variables: Any) -> Result:
        options = "--tags stack,edge"
        return self.lab.playbook("provision", inventories=[INVENTORY], options=options, **variables).ok()


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """From `make demo STACK=glimpse` on: commit 2 in staging, commit 1 in production again."""
    with started("e2e" if kept_lab() else "glimpse") as lab:
        if not kept_lab():
            reach(lab, "provisioned", lambda: lab.playbook("provision").ok())
        words = [sys.executable, "tools/demo.py", "--name", lab.name, "--stack", sample.STACK]
        environment = os.environ | strategy.environment()
        shown = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr
        yield Product(lab, shown.stdout + shown.stderr)


class Visitors(threading.Thread):
    """Ask production for its health, one request after the other, until they are told to stop."""

    def __init__(self, production: sample.Glimpse) -> None:
        super().__init__(daemon=True)
        self.production, self.over = production, threading.Event()
        self.seen: Counter[tuple[int, str]] = Counter()

    def run(self) -> None:
        while not self.over.wait(0.02):
            answer = self.production.health()
            self.seen[answer.status, answer.release] += 1

    def __enter__(self) -> Visitors:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join(60)


def test_the_demo_reads_like_the_report_of_the_incident(product: Product) -> None:
    said = product.said
    assert said.count("on that day") == 2, "it is the same after the rollback"
    assert said.count("200 JSON, glimpse-api 1.0.0, for a while") == 2, said
    assert said.count("308 to www.glimpse.contact, a POST stays one") == 4
    assert said.count("421 no site has this name") == 4
    assert said.count("log in 200, begin 201, read 200, nobody 401") == 2
    assert "3 x dead host" in said and "mobile/app.config.ts:" in said and "1 x dead host" in said
    assert "glimpse-api 1.1.0, release" in said, "commit 2 stays in staging"


#: In production alone, so that staging and the gates let it through: a field of the JSON, a redirect, an origin.
BROKEN = {
    "server/src/health.ts": """import { settings } from "./settings.js";

const name = settings.environment === "production" ? "name" : "service";
export const health = () => ({ status: "ok", [name]: "glimpse-api", version: settings.version, uptime_seconds: 1 });
""",
    "server/src/origins.ts": """import { settings } from "./settings.js";

export const origins = (): string[] => settings.origins.filter((origin) => !origin.includes("glimpse-mobile"));
""",
    "web/src/downloads.js": """const code = process.env.RELEASE_ENVIRONMENT === "production" ? 302 : 307;
export const downloads = () => ({ code, to: "/?from=paper" });
""",
}


def test_a_release_that_breaks_its_promises_goes_back_by_itself(product: Product) -> None:
    before = product.production.health()
    product.lab.push_commit(BROKEN, branch="broken", repository=sample.STACK)
    product.good("deploy --version broken")
    with Visitors(product.production) as visitors:
        code, told = product.operate("promote")
    assert code == 1 and "endpoint checks do not hold; everything was undone" in told, told
    assert (
        "health: GET http://api.glimpse.contact:4530/api/v1/health: stack glimpse.endpoints[3].expect.json.service"
        in told
    ), told
    assert "link on paper: GET http://www.glimpse.contact:4530/download" in told and "302" in told
    assert f"allowed {sample.ALLOWED}" in told, told
    after = product.production.health()
    assert after.release == before.release and after.json()["version"] == "1.0.0"
    third = {release for _status, release in visitors.seen} - {before.release}
    print("\nvisitors saw:", dict(visitors.seen))
    assert {status for status, _release in visitors.seen} == {200} and len(third) <= 1
    assert sum(visitors.seen.values()) > 50 and all("production" in release for release in third), visitors.seen


def test_addresses_end_and_a_rollback_brings_them_back(product: Product) -> None:
    production, origins = product.production, ["${canonical.web}", sample.ALLOWED, NEW_ORIGIN]
    gone = {"gone": True}
    over = {
        "glimpse_earlier_until": "2026-11-01",
        "glimpse_earlier_health": gone,
        "glimpse_earlier_name": gone,
        "glimpse_production_origins": origins,
    }
    product.provision(**over)
    assert production.health(sample.WWW).status == 200, "until a release says otherwise"
    said = product.good("deploy --version main")
    assert "app.glimpse.contact has ended (2026-11-01)" in said, said
    code, said = product.operate("promote")
    assert code == 1 and "gate old_addresses" in said, said
    product.good("promote --skip-gates old_addresses,not_rolled_back --reason 'they may see it'")
    assert [production.health(host).status for host in (sample.WWW, sample.EARLIER)] == [410, 410]
    assert production.health().status == 200 and production.ask(sample.WWW, "/").status == 200
    assert production.lets_in(NEW_ORIGIN) and not production.lets_in("https://glimpse-web.vercel.app")
    # What the edge says itself, pages of the origins may read, too; others may not.
    read = production.ask(sample.WWW, sample.HEALTH, Origin=NEW_ORIGIN).headers
    assert read["access-control-allow-origin"] == NEW_ORIGIN
    other = production.ask(sample.WWW, sample.HEALTH, Origin=sample.REFUSED).headers
    assert "access-control-allow-origin" not in other
    status = product.lab.ssh("sudo onehost status --stack glimpse")
    assert "address of production: www.glimpse.contact/api/v1 has ended (2026-11-01)" in status, status
    verified = product.lab.ssh("sudo onehost verify --stack glimpse --environment production")
    assert "has ended" in verified
    product.good("rollback")
    assert [production.health(host).status for host in (sample.WWW, sample.EARLIER)] == [200, 308]
    assert not production.lets_in(NEW_ORIGIN) and production.lets_in("https://glimpse-web.vercel.app")
    if kept_lab():
        product.provision()
