"""The firewall on a cloud's own image, whose rules refuse everything but SSH and are loaded at each boot.

What is open, what one client may take, and what containers reach.
"""

from pathlib import Path

import pytest
from support.external_client import CROWD, FOUR, SIX, neighbour

FILES = Path(__file__).resolve().parents[1] / "files"
#: What the inventory opens, and something that listens without being asked for.
STAGING, EDGE, CLOSED = 4600, 4700, 9102
#: Clients beside the host: two in one network of 64 bits, and one that the inventory calls a proxy.
PROXY = "192.0.2.9"
CLIENTS = ("192.0.2.2", "192.0.2.3", PROXY)
CLIENTS6 = ("2001:db8::2", "2001:db8::3")


@pytest.fixture(scope="module")
def outside(host):
    host.check_output(f"systemd-run --quiet --unit=test-closed python3 -m http.server --bind :: {CLOSED}")
    with neighbour(host, CLIENTS, CLIENTS6) as ask:
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


def crowd(outside, *ports, own=CLIENTS[0], address=FOUR):
    """How 50 connections to each of these ports end that one client opens and keeps."""
    wanted = " ".join(f"{port} 50" for port in ports)
    return outside(f"python3 -c '{CROWD}' {own} {address} {wanted}").stdout.splitlines()


def test_one_client_may_take_so_many_connections(outside):
    limited = "ConnectionRefusedError:10 accepted:40"
    assert crowd(outside, EDGE) == [limited]
    # They are free again at once. Those to staging are counted by themselves.
    assert crowd(outside, STAGING, EDGE) == [limited, limited]
    assert crowd(outside, EDGE, address=SIX, own=CLIENTS6[0]) == [limited]
    assert crowd(outside, EDGE, own=PROXY) == ["accepted:50"], "it speaks for many"


def test_requests_in_a_row_are_not_many_at_once(outside):
    ask = f"curl --silent --output /dev/null --write-out %{{http_code}} http://{FOUR}:{EDGE}/"
    answer = outside(f"sh -c 'for i in $(seq 100); do {ask}; echo; done | sort | uniq --count'")
    # All of them by the app, or before there is a release by the router.
    assert answer.stdout.split() in (["100", "200"], ["100", "503"])


def test_all_clients_together_may_take_so_many_of_staging(outside):
    # The proxy is not counted as a client.
    assert crowd(outside, STAGING, STAGING, EDGE, own=PROXY) == [
        "accepted:50",
        "ConnectionRefusedError:40 accepted:10",
        "accepted:50",
    ]


@pytest.fixture
def container(host):
    """A network namespace on a bridge as Docker makes them, whose root sends what is for 127.0.0.1 to the gateway."""
    host.check_output(
        "ip netns add box && ip link add br-test type veth peer name eth0 netns box && ip link set br-test up && "
        "ip addr add 172.29.9.1/24 dev br-test && ip addr add 169.254.169.254/32 dev lo && "
        "ip addr add 169.254.9.9/32 dev lo && sysctl -qw net.ipv4.conf.br-test.route_localnet=1 && "
        "ip netns exec box sh -c 'ip addr add 172.29.9.2/24 dev eth0 && ip link set eth0 up && "
        "sysctl -qw net.ipv4.conf.all.route_localnet=1 && ip route add default via 172.29.9.1 && "
        "ip route add 127.0.0.0/8 via 172.29.9.1 dev eth0 src 172.29.9.2 table 77 && ip rule add pref 1 lookup 77'"
    )
    yield lambda where: host.run(f"ip netns exec box curl --silent --output /dev/null --max-time 2 http://{where}/").rc
    host.run("ip link del br-test; ip netns del box")
    host.run("ip addr del 169.254.169.254/32 dev lo; ip addr del 169.254.9.9/32 dev lo")


def test_containers_reach_neither_loopback_nor_metadata(host, container):
    # The edge listens on all of them.
    places = [f"{address}:{EDGE}" for address in ("172.29.9.1", "127.0.0.1", "169.254.169.254", "169.254.9.9")]
    assert [container(place) for place in places] == [0, 28, 28, 0]
    # Without the table they would.
    host.check_output("nft 'delete table inet onehost'")
    try:
        assert [container(place) for place in places] == [0, 0, 0, 0]
    finally:
        host.check_output("systemctl restart onehost-firewall")
    assert [container(place) for place in places] == [0, 28, 28, 0]
