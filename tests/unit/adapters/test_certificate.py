# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found wrong with certificates."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fakes.certificates import Authority, Made, authority

from release.adapters.certificate import examine, read_pair
from release.errors import RefusedError
from release.stack.tls import CertificatePair, days_left


@pytest.fixture(scope="module")
def signer() -> Authority:
    return authority()


def pair(made: Made) -> CertificatePair:
    return CertificatePair(made.certificate, made.key, "shop.pem", "shop.key")


def found(given: CertificatePair, *hosts: str) -> str:
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
    text = found(CertificatePair(one.certificate, other.key, "a.pem", "b.key"), "a")
    assert "b.key: is not the key of the certificate in a.pem" in text


def test_not_what_it_should_be(signer: Authority) -> None:
    good = signer.make(["a"])
    assert "holds no certificate" in found(CertificatePair(b"x", good.key, "a.pem", "a.key"))
    assert "holds no private key" in found(CertificatePair(good.certificate, b"x", "a.pem", "a.key"))
    assert "the key has a password" in found(pair(signer.make(["a"], password="p")))
    broken = good.certificate.replace(b"M", b"N", 3)
    assert "cannot be used" in found(CertificatePair(broken, good.key, "a.pem", "a.key"))


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
