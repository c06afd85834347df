"""Reload HAProxy and wait until its new process answers.

systemctl reload only sends the signal. It also reports success when the new process could not start and the old one
is still running.
"""

import socket
import subprocess
import sys
import time


def process() -> str | None:
    """The process id that HAProxy's runtime socket reports; None while it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2)
            connection.connect("/run/haproxy/admin.sock")
            connection.sendall(b"show info\n")
            answer = connection.makefile().read()
    except OSError:
        return None
    return next((line for line in answer.splitlines() if line.startswith("Pid:")), None)


before = process()
subprocess.run(["systemctl", "reload-or-restart", "haproxy.service"], check=True)
deadline = time.monotonic() + 15
while process() in (None, before):
    if time.monotonic() > deadline:
        sys.exit("HAProxy is still running with its old configuration. Fix: see journalctl -u haproxy -n 20")
    time.sleep(0.1)
