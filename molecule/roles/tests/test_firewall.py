"""The firewall on a cloud's own image, whose rules refuse everything but SSH and are loaded at each boot."""

from pathlib import Path

import pytest
from support.external_client import FOUR, SIX, neighbour

FILES = Path(__file__).resolve().parents[1] / "files"
#: What the inventory opens, and something that listens without being asked for.
EDGE, CLOSED = 4700, 9102


@pytest.fixture(scope="module")
def outside(host):
    host.check_output(f"systemd-run --quiet --unit=test-closed python3 -m http.server --bind :: {CLOSED}")
    with neighbour(host) as ask:
        yield ask
    host.run("systemctl stop test-closed")


def reached(outside, port):
    """By which family a connection comes about."""
    ask = "curl --silent --globoff --output /dev/null --max-time 2 http://"
    return {name for name, where in (("IPv4", FOUR), ("IPv6", f"[{SIX}]")) if outside(f"{ask}{where}:{port}/").rc == 0}


@pytest.mark.parametrize("name", ["rules.v4", "rules.v6"])
def test_own_rules_are_kept_and_ports_go_in_front(host, name):
    lines = host.check_output(f"cat /etc/iptables/{name}").splitlines()
    own = FILES.joinpath(name).read_text().splitlines()
    begin, end = lines.index("# BEGIN onehost.release"), lines.index("# END onehost.release")
    assert lines[:begin] + lines[end + 1 :] == own
    assert lines[end + 1].startswith("-A INPUT -j REJECT")
    assert [
        f"--dport {port} " in line for port, line in zip((22, 4600, EDGE), lines[begin + 1 : end], strict=True)
    ] == [True] * 3


def test_ports_are_open_now_and_nothing_else(host, outside):
    assert reached(outside, EDGE) == {"IPv4", "IPv6"}
    assert reached(outside, CLOSED) == set()


def test_what_is_loaded_at_boot_is_right(host, outside):
    """As the image's own unit does it, before Docker starts; first without our part, so that the question is fair."""
    load = "{0}-restore < {1}"

    def boot(directory):
        four, six = f"{directory}/rules.v4", f"{directory}/rules.v6"
        host.check_output(
            f"{load.format('iptables', four)} && {load.format('ip6tables', six)} && systemctl restart docker"
        )

    host.check_output(
        "mkdir /tmp/own && cd /tmp/own && for f in v4 v6; do "
        "sed '/BEGIN onehost/,/END onehost/d' /etc/iptables/rules.$f > rules.$f; done"
    )
    boot("/tmp/own")
    assert reached(outside, EDGE) == set()
    boot("/etc/iptables")
    assert reached(outside, EDGE) == {"IPv4", "IPv6"}
    assert reached(outside, CLOSED) == set()
    assert host.check_output("iptables -S InstanceServices").count("-A InstanceServices") == 2
