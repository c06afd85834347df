"""A kiosk: says who asks, answers with any status of its own, and can answer what is no HTTP."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/rubbish":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            self.close_connection = True
            return
        status = int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 200
        said = {"release": os.environ["RELEASE_ID"], "own": status, "client": self.headers.get("X-Real-IP")}
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        # Only the router may say these.
        self.send_header("X-Maintenance", "forged")
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET


class Server(ThreadingHTTPServer):
    request_queue_size = 128


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
Server(("", 8000), App).serve_forever()
