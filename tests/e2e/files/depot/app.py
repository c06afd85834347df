"""A shop's depot: keeps things in a service beside it and in a volume, and tells what it can reach."""

import json
import os
import signal
import socket
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

UPLOADS = Path("/uploads")


def store(key, value=None):
    request = urllib.request.Request(f"http://store:7000/{key}", data=value, method="PUT" if value else "GET")
    with urllib.request.urlopen(request, timeout=3) as answer:
        return answer.read().decode()


def reach(host, port):
    try:
        with socket.create_connection((host, int(port)), 2):
            return "reached"
    except OSError as error:
        return f"not reached: {error}"


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        try:
            text = self.answer(path, asked)
        except OSError as error:
            self.reply(502, str(error))
        else:
            self.reply(200, text)

    def answer(self, path, asked):
        if path == "/reach":
            return reach(asked["host"], asked["port"])
        if path == "/set":
            return store(asked["key"], asked["value"].encode())
        if path == "/get":
            return store(asked["key"])
        if path == "/upload":
            with (UPLOADS / asked["name"]).open("w") as file:
                file.write(asked["text"])
            return "uploaded"
        if path == "/uploads":
            return ",".join(sorted(path.name for path in UPLOADS.iterdir()))
        return json.dumps({"release": os.environ["RELEASE_ID"]})

    def reply(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("0.0.0.0", 8000), App).serve_forever()
