# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How renewed certificates are loaded."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from fakes.certificates import Authority, Made, authority
from fakes.stacks import shop_definition, with_tls
from fakes.world import World
from support.running_nginx import RunningNginx, process_in

from release.adapters.certificate import read_pair
from release.adapters.nginx import Nginx
from release.operations import certificates
from release.stack.model import Stack
from release.stack.reader import read_stack
from release.stack.tls import CertificatePair

FILES = {"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key"}


@pytest.fixture(scope="module")
def signer() -> Authority:
    return authority()


# Certificates


def pair(made: Made) -> CertificatePair:
    return CertificatePair(made.certificate, made.key, "shop.pem", "shop.key")


def write(folder: Path, made: Made) -> None:
    (folder / "a.pem").write_bytes(made.certificate)
    (folder / "a.key").write_bytes(made.key)
    (folder / "a.key").chmod(0o600)


# Renewal


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose certificate is in files, and an nginx that notes what it was asked."""
    (tmp_path / "edge").mkdir()
    command = tmp_path / "bin" / "nginx"
    command.parent.mkdir()
    reloads = RunningNginx(tmp_path).reloads
    command.write_text(f'#!/bin/sh\n{reloads}\necho "$@" >>{tmp_path}/asked\ntest ! -e {tmp_path}/refuse\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    tls = {"certificate": str(tmp_path / "a.pem"), "key": str(tmp_path / "a.key")}
    return read_stack("shop", with_tls(tls, hosts=["shop.example"]))


def renewed(world: World, folder: Path, stack: Stack) -> str:
    host = dataclasses.replace(world.host, edge=Nginx(process_in(folder), str(folder / "edge")))
    lines, problems = certificates.renew(host, [stack])
    return "\n".join([*lines, *map(str, problems)])


def test_renewal(world: World, stack: Stack, signer: Authority, tmp_path: Path) -> None:
    edge, asked = tmp_path / "edge" / "shop-production.pem", tmp_path / "asked"
    write(tmp_path, signer.make(["shop.example"]))
    assert "shop production: the edge has no certificate yet" in renewed(world, tmp_path, stack)
    edge.write_bytes(b"old")
    assert "shop production: loaded, valid until" in renewed(world, tmp_path, stack)
    assert edge.read_bytes() == read_pair(str(tmp_path / "a.pem"), str(tmp_path / "a.key")).pem
    assert edge.stat().st_mode & 0o777 == 0o600
    assert asked.read_text() == "-t -q\n-s reload\n"
    assert "unchanged" in renewed(world, tmp_path, stack) and asked.read_text().count("reload") == 1
    # A kill between the file and the reload: the next run makes up for it.
    (tmp_path / "edge" / "shop-production.pem.pending").touch()
    assert "loaded" in renewed(world, tmp_path, stack) and asked.read_text().count("reload") == 2


def test_renewal_that_is_no_good_leaves_the_edge_alone(
    world: World, stack: Stack, signer: Authority, tmp_path: Path
) -> None:
    edge = tmp_path / "edge" / "shop-production.pem"
    edge.write_bytes(b"old")
    write(tmp_path, signer.make(["other.example"]))
    assert "does not cover the host name shop.example" in renewed(world, tmp_path, stack)
    assert edge.read_bytes() == b"old"
    write(tmp_path, signer.make(["shop.example"]))
    (tmp_path / "refuse").touch()
    assert "nginx refused the certificate of shop-production" in renewed(world, tmp_path, stack)
    assert edge.read_bytes() == b"old"
    (tmp_path / "refuse").unlink()
    assert "loaded" in renewed(world, tmp_path, stack)


def test_certificate_from_elsewhere_is_only_looked_at(
    world: World, stack: Stack, signer: Authority, tmp_path: Path
) -> None:
    (tmp_path / "edge" / "shop-production.pem").write_bytes(pair(signer.make(["shop.example"])).pem)
    stack = read_stack("shop", with_tls(FILES | {"location": "control"}, hosts=["shop.example"]))
    assert "valid until" in renewed(world, tmp_path, stack) and not (tmp_path / "asked").exists()
    assert renewed(world, tmp_path, read_stack("shop", shop_definition())) == "no environment has a certificate"
