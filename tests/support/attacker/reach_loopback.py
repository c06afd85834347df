"""From a container: is a port of the host's own 127.0.0.1 reachable? Sends the frame itself, past the routing table.

    reach_loopback.py PORT

Prints what came back: OPEN, CLOSED or NOTHING. Needs NET_RAW; without it, it prints FORBIDDEN.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from pathlib import Path

TARGET = "127.0.0.1"
SYN, RST, SYN_ACK = 0x02, 0x04, 0x12
SECONDS = 2.0
SOURCE_PORT = 47123


def gateway() -> str:
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000":
            return socket.inet_ntoa(struct.pack("<L", int(fields[2], 16)))
    raise SystemExit("NOTHING: no gateway")


def hardware_address(address: str) -> bytes:
    """Asked for by a datagram that nobody reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _ in range(20):
            probe.sendto(b"x", (address, 9))
            for line in Path("/proc/net/arp").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[0] == address and fields[3] != "00:00:00:00:00:00":
                    return bytes.fromhex(fields[3].replace(":", ""))
            # Between two looks at the kernel's table, twenty at most; nothing wakes a reader of it.
            time.sleep(0.05)
    raise SystemExit("NOTHING: the gateway has no hardware address")


def checksum(data: bytes) -> int:
    total = sum(int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def segment(source: str, port: int) -> bytes:
    """An IP packet with the first segment of a connection."""
    ends = socket.inet_aton(source) + socket.inet_aton(TARGET)
    tcp = struct.pack("!HHLLBBHHH", SOURCE_PORT, port, 1000, 0, 5 << 4, SYN, 64240, 0, 0)
    total = checksum(ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 4242, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def main(port: int) -> str:
    router = gateway()
    to = hardware_address(router)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((router, 9))
        source = probe.getsockname()[0]
    try:
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    except PermissionError:
        return "FORBIDDEN"
    with wire:
        wire.bind(("eth0", 0))
        wire.send(to + wire.getsockname()[4] + struct.pack("!H", 0x0800) + segment(source, port))
        deadline = time.monotonic() + SECONDS
        while (left := deadline - time.monotonic()) > 0:
            wire.settimeout(left)
            try:
                frame = wire.recv(65536)
            except TimeoutError:
                break
            ip = frame[14:]
            head = (ip[0] & 0x0F) * 4
            if ip[9] != socket.IPPROTO_TCP or ip[12:16] != socket.inet_aton(TARGET):
                continue
            if struct.unpack("!HH", ip[head : head + 4]) == (port, SOURCE_PORT):
                return "OPEN" if ip[head + 13] & SYN_ACK == SYN_ACK else "CLOSED"
    return "NOTHING"


if __name__ == "__main__":
    print(main(int(sys.argv[1])))
