"""A service for attacks to reach: answers every connection with a line, and datagrams on port 53 with their content.

serve.py ADDRESS PORT ...
"""

from __future__ import annotations

import socket
import sys
import threading

LINE = b"REACHED"


def stream(address: str, port: int) -> None:
    listener = socket.create_server((address, port), backlog=64)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(2)
            try:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n" + LINE)
            except OSError:
                continue


def datagrams(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind((address, port))
        while True:
            data, who = here.recvfrom(4096)
            here.sendto(data, who)


def main(address: str, ports: list[int]) -> None:
    workers = [threading.Thread(target=stream, args=(address, port), daemon=True) for port in ports]
    if 53 in ports:
        workers.append(threading.Thread(target=datagrams, args=(address, 53), daemon=True))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(sys.argv[1], [int(word) for word in sys.argv[2:]])
