"""Keeps its promises to visitors, except those that breaks.json names, and these in production alone."""

import base64
import hashlib
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IS_PRODUCTION = os.environ["PLACE"] == "production"
BREAKS = set(json.loads(Path("breaks.json").read_text())) if IS_PRODUCTION else set()
ORIGINS = {"https://www.promised.example"}
TOKEN = "token-of-" + hashlib.sha256(os.environ["PROBE_PASSWORD"].encode()).hexdigest()


class Server(ThreadingHTTPServer):
    request_queue_size = 256


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path.startswith("/moved"):
            target = "/elsewhere" if "redirect" in BREAKS else "/new" + self.path
            return self.reply(308, {}, {"Location": target})
        if path == "/retired":
            return self.reply(404, {})
        if path == "/socket":
            return self.echo()
        if path == "/me":
            mine = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            return self.reply(200 if mine else 401, {"name": "probe" if mine else None})
        status = "degraded" if "json" in BREAKS else "ok"
        return self.reply(200, {"status": status, "release": os.environ["RELEASE_ID"], "query": query})

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/sessions" and sent.get("password") == os.environ["PROBE_PASSWORD"]:
            return self.reply(201, {"token": TOKEN})
        return self.reply(403, {"sent": sent})

    def do_OPTIONS(self):
        self.reply(
            204, None, {"Access-Control-Allow-Methods": "GET, PUT", "Access-Control-Allow-Headers": "authorization"}
        )

    def echo(self):
        digest = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest.digest()).decode())
        self.end_headers()
        size = self.rfile.read(2)[1] & 0x7F
        mask = self.rfile.read(4)
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(size)))
        self.wfile.write(bytes([0x81, size]) + data)
        self.close_connection = True

    def reply(self, status, content, headers=()):
        data = b"" if content is None else json.dumps(content).encode()
        origin = self.headers.get("Origin", "")
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if origin in ORIGINS or ("origin" in BREAKS and origin):
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server(("0.0.0.0", 8000), App).serve_forever()
