"""One of a crowd: says in each answer which container it is; can be told to hang, or to take its time."""

import json
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HUNG = threading.Event()


class Server(ThreadingHTTPServer):
    request_queue_size = 128


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang":
            HUNG.set()
        elif HUNG.is_set():
            threading.Event().wait()
        elif self.path == "/slow":
            time.sleep(2)
        self.reply({})

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            time.sleep(2)
        self.reply({"echo": json.loads(data)})

    def reply(self, more):
        data = json.dumps({"release": os.environ["RELEASE_ID"], "container": socket.gethostname(), **more}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
Server(("0.0.0.0", 8000), App).serve_forever()
