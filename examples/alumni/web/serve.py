"""The board's page, which asks the API when it is opened: one image is good for every environment."""

import http.server
import os
import signal
import sys
from pathlib import Path

PAGE = Path("index.html").read_text().replace("RELEASE", os.environ.get("RELEASE_ID", "unreleased")).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        data = b'{"status": "ok"}' if self.path == "/health" else PAGE
        kind = "application/json" if self.path == "/health" else "text/html; charset=utf-8"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """The edge keeps the log of requests."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
