"""Is well as long as the column that its code reads is there. It knows PostgreSQL and SQLite, by its address."""

import http.server
import json
import pathlib
import signal
import sys

import store

COLUMN = json.loads(pathlib.Path("code.json").read_text())["reads"]


class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with store.connected() as connection:
                rows = connection.execute(f"SELECT {COLUMN} FROM notes ORDER BY 1")
                self.reply(200, json.dumps([row[0] for row in rows]))
        except store.Error as error:
            self.reply(503, str(error))

    def reply(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), App).serve_forever()
