"""Reload HAProxy, and wait until its new process answers.

systemctl reload is content as soon as it has sent the signal: it reports success too when the old process
stayed because the new one could not start.
"""

import socket
import subprocess
import sys
import time


def process():
    """The process id that HAProxy's runtime socket names; None while nothing answers there."""
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
        sys.exit("HAProxy still runs with its former configuration. See why: journalctl -u haproxy -n 20")
    time.sleep(0.1)
