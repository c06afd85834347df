# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the web sends reaches an app through the edge as if sent to the app itself, and so does its answer.

`make shapes` tries all shapes on a lab and writes the table. Every run of the tests tries some of them, with nginx and
HAProxy of each age that a host may have.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.edge_files import MAPS, haproxy_files, nginx_files
from support.lab import ROOT, Lab, until
from support.old_programs import Programs
from support.shapes import table
from support.shapes.catalogue import GROUPS, QUICK
from support.shapes.compare import LATE, differences
from support.shapes.requests import KILO, filled
from support.shapes.rules import Verdict, judge
from support.shapes.shape import Shape, request
from support.shapes.wire import Address, Exchange, observe, tell

from release.releases.reach import map_entries, reach_of
from release.stack.reader import read_stack

INVENTORY = Path(__file__).parent / "files" / "shapes.yml"
SOURCE = ROOT / "tests" / "support" / "shaped"
PUBLISHED = ROOT / "docs" / "benchmarks" / "shapes.md"
STACK = "shapes"
MORE_TRIES = 2
#: What answers, as the distribution names it.
VERSIONS = "dpkg-query --show --showformat '${Package}-${Version} ' nginx haproxy"


def verdict(shape: Shape, slot: Address, edge: Address) -> Verdict:
    """What is found when a shape is sent to both. An answer that is held back is late each time; on a busy machine any
    may be late once, so it is asked for again."""
    found = differences(shape, observe(shape, slot), observe(shape, slot, edge))
    for _ in range(MORE_TRIES):
        if LATE in found:
            found = differences(shape, observe(shape, slot), observe(shape, slot, edge))
    return judge(shape, found)


def opens(address: Address) -> bool:
    with suppress(OSError), socket.create_connection(address, timeout=1):
        return True
    return False


@contextmanager
def forwarded(lab: Lab, port: int) -> Iterator[Address]:
    """A port of the lab's loopback, here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here: Address = free.getsockname()
    words = ["-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{here[1]}:127.0.0.1:{port}", "ubuntu@127.0.0.1"]
    process = subprocess.Popen([*lab.ssh_words, *words], stdin=subprocess.DEVNULL)
    try:
        until(lambda: opens(here), 20, "the app's port")
        yield here
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.shapes
def test_every_shape_on_a_lab(provisioned: Lab) -> None:
    lab = provisioned
    lab.ssh("test -d /srv/git/shapes.git || git init --quiet --bare --initial-branch=main /srv/git/shapes.git")
    lab.repositories[STACK] = lab.repositories["workhub"].replace("workhub.git", "shapes.git")
    files: dict[str, str | None] = {path.name: path.read_text() for path in SOURCE.iterdir() if path.is_file()}
    # Git commits no source that it has, as of a lab that is kept.
    lab.push_commit(files | {"run": f"{time.time_ns()}\n"}, repository=STACK)
    lab.playbook("provision", inventories=[INVENTORY]).ok()
    lab.playbook("deploy_staging", inventories=[INVENTORY], stack=STACK).ok()
    maps = f"cat {MAPS}/{STACK}-staging.map {MAPS}/{STACK}-staging-reach.map"
    entries = dict(line.split(" ", 1) for line in lab.ssh(maps).splitlines())
    port = int(entries[f"{STACK}/{entries['live'].partition('/')[0]}"].partition("/")[0])
    programs = lab.ssh(VERSIONS).split()
    with forwarded(lab, port) as slot:
        edge = "127.0.0.1", lab.ports["staging"]
        verdicts = {group: [verdict(shape, slot, edge) for shape in shapes] for group, shapes in GROUPS.items()}
    PUBLISHED.write_text(table.page(verdicts, programs), encoding="utf-8")
    found = [str(it) for group in verdicts.values() for it in group if not it.fine]
    assert not found, "\n".join(found)


@contextmanager
def serving(suite: str, **options: Any) -> Iterator[tuple[Address, Address]]:
    """The app's slot, and the edge in front of it, by programs of one age."""
    programs = Programs(suite)
    variables = yaml.safe_load(INVENTORY.read_text())["onehost_hosts"]["hosts"]["onehost-lab"]
    stack = read_stack(STACK, variables[f"onehost_stack_{STACK}"])
    stacks = [stack.to_mapping(with_env=False)]
    files = nginx_files(stacks, programs.number("nginx"), **options)
    files |= haproxy_files(stacks, programs.number("haproxy"), **options)
    files[f"{MAPS}/{STACK}-staging.map"] = "live blue/20261126T000000Z-staging-abc\n"
    ports = map_entries({"blue": reach_of(stack, stack.apps, "staging", "blue")})
    files[f"{MAPS}/{STACK}-staging-reach.map"] = "".join(f"{key} {value}\n" for key, value in ports.items())
    port = stack.apps[STACK].loopback_port
    assert port
    with programs.serving(files) as served, served.beside(SOURCE / "app.py", str(port)):
        slot, edge = (served.address, port), (served.address, 4400)
        until(lambda: opens(slot) and opens(edge), 20, "the app and the edge")
        yield slot, edge


@pytest.fixture(scope="module", params=["bullseye", "bookworm", "sid"])
def served(request: pytest.FixtureRequest, collection: None) -> Iterator[tuple[Address, Address]]:
    with serving(request.param) as places:
        yield places


@pytest.mark.parametrize("shape", QUICK, ids=lambda shape: shape.name)
def test_some_shapes_with_programs_of_each_age(served: tuple[Address, Address], shape: Shape) -> None:
    found = verdict(shape, *served)
    assert found.fine, str(found)


def test_settings_move_what_passes(collection: None) -> None:
    """Names with underscores by choice, but none that an app could take for one of the edge's; another limit; and a
    WebSocket that is silent for longer than it may."""
    headers = ("access_token: abc", "X_Forwarded_For: 1.2.3.4", "x-forwarded_proto: https", "X_REAL-IP: 1.2.3.4")
    odd = Shape("underscores", (request("/x", *headers, "Transfer_Encoding: chunked"),))
    options = {"edge_header_underscores": True, "edge_head_kb": 16, "router_tunnel_seconds": 1}
    with serving("bullseye", **options) as (slot, edge):
        (seen,) = observe(odd, slot, edge).requests
        assert b"access_token: abc\r\n" in seen
        assert b"_forwarded" not in seen.lower() and b"1.2.3.4" not in seen and b"transfer_" not in seen.lower()
        for kilo, status in ((16, b"200"), (18, b"431")):
            assert observe(Shape("a head", (filled(kilo * KILO),)), slot, edge).got.split()[1] == status
        talk = replace(next(shape for shape in QUICK if shape.name == "a WebSocket"), tunnel=b"")
        tell(talk, slot)
        got, ended = Exchange(talk, edge).silence()
        assert b" 101 " in got and ended, "the router's setting is the edge's too"
