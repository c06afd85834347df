"""Writes 1,000 numbered lines a second, and at its end how many there were; answers beside that."""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
import threading
import time
import uuid

RATE = 1000
#: What one turn writes.
LINES = 20

ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"release": os.environ["RELEASE_ID"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Only what is numbered."""


server = http.server.ThreadingHTTPServer(("", 8000), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
run, number, begun = uuid.uuid4().hex, 0, time.monotonic()
while not ended.is_set():
    for _line in range(LINES):
        sys.stdout.write(json.dumps({"run": run, "n": number}) + "\n")
        number += 1
    sys.stdout.flush()
    ended.wait(max(0.0, begun + number / RATE - time.monotonic()))
print(json.dumps({"run": run, "ended": number}), flush=True)
