"""What stands in for Redis: keeps each key in a file of its volume. Given to python3 as text, so that the image of a
service needs nothing but Python. Its first argument says how it is called."""

import http.server
import os
import signal
import sys
from pathlib import Path


class Store(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.place()
        if self.path == "/ready":
            self.reply(200, b"ready")
        elif self.path == "/name":
            self.reply(200, f"{sys.argv[1]} {os.environ.get('STORE_TOKEN', 'none')}".encode())
        elif path.exists():
            self.reply(200, path.read_bytes())
        else:
            self.reply(404, b"no such key")

    def do_PUT(self):
        self.place().write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(200, b"kept")

    def place(self):
        return Path("/data") / self.path.strip("/")

    def reply(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", 7000), Store).serve_forever()
