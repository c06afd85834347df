# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS: what a stack may say of it, what is found wrong with certificates, and how renewed ones are taken over."""

from __future__ import annotations

import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.certificates import Authority, Made, authority
from support.fakes import shop_definition

from release.adapters import certificate
from release.adapters.certificate import Pair, days_left, examine, read_pair
from release.adapters.http_probe import Probe
from release.adapters.nginx import Edge
from release.errors import RefusedError
from release.operations import certificates
from release.stack.model import Stack
from release.stack.reader import read_stack, read_stacks

FILES = {"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key"}


@pytest.fixture(scope="module")
def signer() -> Authority:
    return authority()


def with_tls(tls: Any, **more: Any) -> dict[str, Any]:
    data = shop_definition()
    data["environments"]["production"].update(tls=tls, **more)
    return data


def refused(data: dict[str, Any]) -> str:
    with pytest.raises(RefusedError) as caught:
        read_stack("shop", data)
    return "\n".join(str(problem) for problem in caught.value.problems)


# The definition


def test_defaults_and_that_it_can_be_read_again() -> None:
    stack = read_stack("shop", with_tls(FILES))
    tls = stack.environments["production"].tls
    assert tls and (tls.port, tls.location, tls.plain_ports, tls.hsts_seconds) == (443, "host", (), 0)
    assert stack.environments["staging"].tls is None
    assert stack.environments["production"].doors == ((8200, False), (80, False), (443, True))
    assert read_stack("shop", stack.to_mapping(with_env=False)) == read_stack("shop", with_tls(FILES) | {"env": {}})


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ({"certificate": "/a"}, "environments.production.tls.key: is missing"),
        (FILES | {"certificate": "relative.pem"}, "'relative.pem' is not valid"),
        (FILES | {"certificate": "/a\nssl off;/b"}, "is not valid"),
        (FILES | {"location": "moon"}, "choose one of host, control"),
        (FILES | {"port": 8200}, "8200 is one of the environment's `ports`"),
        (FILES | {"plain_ports": [81]}, "81 is none of the environment's `ports`"),
        (FILES | {"hsts": 1}, "tls.hsts: is not a known option"),
        (True, "must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(tls: Any, words: str) -> None:
    assert words in refused(with_tls(tls))


def test_control_takes_any_path() -> None:
    tls = {"certificate": "files/shop.pem", "key": "files/shop.key", "location": "control"}
    assert read_stack("shop", with_tls(tls)).environments["production"].tls


def test_stacks_share_a_port_of_tls_by_host_name_only() -> None:
    second = shop_definition()
    second["directory"] = "/srv/second"
    second["apps"] = {f"{name}-2": app for name, app in second["apps"].items()}
    for number, app in enumerate(second["apps"].values()):
        app["after"] = []
        if "loopback_port" in app:
            app["loopback_port"] = 30000 + 10 * number
    second["environments"] = {
        "staging": {"ports": [9100]},
        "production": {"ports": [9200], "tls": FILES, "hosts": ["second.example"]},
    }
    first = with_tls(FILES, hosts=["shop.example"])
    assert len(read_stacks({"shop": first, "second": second})) == 2
    second["environments"]["production"]["hosts"] = ["shop.example"]
    with pytest.raises(RefusedError, match=r"public address shop\.example:443 is already used"):
        read_stacks({"shop": first, "second": second})
    second["environments"]["production"] = {"ports": [443], "hosts": ["second.example"]}
    with pytest.raises(RefusedError, match="port 443 cannot speak http and https"):
        read_stacks({"shop": first, "second": second})


# Certificates


def pair(made: Made) -> Pair:
    return Pair(made.certificate, made.key, "shop.pem", "shop.key")


def found(given: Pair, *hosts: str) -> str:
    with pytest.raises(RefusedError) as caught:
        examine(given, hosts)
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_good_certificate(signer: Authority) -> None:
    until = examine(pair(signer.make(["shop.example", "*.shop.example"])), ["shop.example", "*.shop.example"])
    assert days_left(until, time.time()) in (29, 30)
    assert examine(pair(signer.make(["shop.example"])), [])


def test_all_names_that_are_missing_are_told(signer: Authority) -> None:
    text = found(pair(signer.make(["shop.example"])), "shop.example", "www.shop.example", "*.example")
    assert "shop.pem: does not cover the host name www.shop.example" in text
    assert "does not cover the host name any.example" in text and len(text.splitlines()) == 2


def test_times(signer: Authority) -> None:
    assert "shop.pem: has expired" in found(pair(signer.make(["a"], begins=-9, ends=-1)), "a", "b")
    assert "is not valid yet" in found(pair(signer.make(["a"], begins=1)), "a")


def test_key_of_another(signer: Authority) -> None:
    one, other = signer.make(["a"]), signer.make(["a"])
    text = found(Pair(one.certificate, other.key, "a.pem", "b.key"), "a")
    assert "b.key: is not the key of the certificate in a.pem" in text


def test_not_what_it_should_be(signer: Authority) -> None:
    good = signer.make(["a"])
    assert "holds no certificate" in found(Pair(b"x", good.key, "a.pem", "a.key"))
    assert "holds no private key" in found(Pair(good.certificate, b"x", "a.pem", "a.key"))
    assert "the key has a password" in found(pair(signer.make(["a"], password="p")))
    broken = good.certificate.replace(b"M", b"N", 3)
    assert "cannot be used" in found(Pair(broken, good.key, "a.pem", "a.key"))


def test_key_is_never_shown(signer: Authority) -> None:
    assert "PRIVATE" not in repr(pair(signer.make(["a"])))


def test_files(signer: Authority, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        read_pair(str(tmp_path / "a.pem"), str(tmp_path / "a.key"))
    assert [problem.what for problem in caught.value.problems] == [
        "the certificate cannot be read: No such file or directory",
        "the key cannot be read: No such file or directory",
    ]
    made = signer.make(["a"])
    write(tmp_path, made)
    (tmp_path / "a.key").chmod(0o644)
    with pytest.raises(RefusedError, match=r"can be read by every user of the host. Fix: chmod 600"):
        read_pair(str(tmp_path / "a.pem"), str(tmp_path / "a.key"))


def write(folder: Path, made: Made) -> None:
    (folder / "a.pem").write_bytes(made.certificate)
    (folder / "a.key").write_bytes(made.key)
    (folder / "a.key").chmod(0o600)


# Renewal


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose certificate is in files, and an nginx that notes what it was asked."""
    monkeypatch.setattr(certificate, "DIRECTORY", str(tmp_path / "edge"))
    (tmp_path / "edge").mkdir()
    command = tmp_path / "bin" / "nginx"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ntest ! -e {tmp_path}/refuse\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    tls = {"certificate": str(tmp_path / "a.pem"), "key": str(tmp_path / "a.key")}
    return read_stack("shop", with_tls(tls, hosts=["shop.example"]))


def renewed(stack: Stack) -> str:
    lines, problems = certificates.renew([stack], Edge())
    return "\n".join([*lines, *map(str, problems)])


def test_renewal(stack: Stack, signer: Authority, tmp_path: Path) -> None:
    edge, asked = tmp_path / "edge" / "shop-production.pem", tmp_path / "asked"
    write(tmp_path, signer.make(["shop.example"]))
    assert "shop production: the edge has no certificate yet" in renewed(stack)
    edge.write_bytes(b"old")
    assert "shop production: taken over, valid until" in renewed(stack)
    assert edge.read_bytes() == read_pair(str(tmp_path / "a.pem"), str(tmp_path / "a.key")).pem
    assert edge.stat().st_mode & 0o777 == 0o600
    assert asked.read_text() == "-t -q\n-s reload\n"
    assert "unchanged" in renewed(stack) and asked.read_text().count("reload") == 1
    # A kill between the file and the reload: the next run makes up for it.
    (tmp_path / "edge" / "shop-production.pem.pending").touch()
    assert "taken over" in renewed(stack) and asked.read_text().count("reload") == 2


def test_renewal_that_is_no_good_leaves_the_edge_alone(stack: Stack, signer: Authority, tmp_path: Path) -> None:
    edge = tmp_path / "edge" / "shop-production.pem"
    edge.write_bytes(b"old")
    write(tmp_path, signer.make(["other.example"]))
    assert "does not cover the host name shop.example" in renewed(stack) and edge.read_bytes() == b"old"
    write(tmp_path, signer.make(["shop.example"]))
    (tmp_path / "refuse").touch()
    assert "nginx refused the certificate of shop-production" in renewed(stack) and edge.read_bytes() == b"old"
    (tmp_path / "refuse").unlink()
    assert "taken over" in renewed(stack)


def test_certificate_from_elsewhere_is_only_looked_at(
    stack: Stack, signer: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edge" / "shop-production.pem").write_bytes(pair(signer.make(["shop.example"])).pem)
    stack = read_stack("shop", with_tls(FILES | {"location": "control"}, hosts=["shop.example"]))
    assert "valid until" in renewed(stack) and not (tmp_path / "asked").exists()
    assert renewed(read_stack("shop", shop_definition())) == "no environment has a certificate"


# Asking by TLS


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Release", f"of {self.headers['Host']}")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def port(signer: Authority, tmp_path: Path) -> Iterator[int]:
    """A site whose certificate ran out: a release is confirmed nevertheless."""
    write(tmp_path, signer.make(["other.example"], begins=-9, ends=-1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "a.pem", tmp_path / "a.key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_probe(port: int) -> None:
    answer = Probe().edge(port, "shop.example", "/", tls=True)
    assert (answer.status, answer.release) == (200, "of shop.example")
    assert Probe().edge(port, "shop.example", "/").status == 0
