"""Is well as long as its database answers what this version of it asks."""

import http.server
import os
import pathlib
import signal
import sys

import psycopg2

ASKS = pathlib.Path("asks.sql").read_text()


def ask():
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=3)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(ASKS)
    finally:
        connection.close()


class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            ask()
        except psycopg2.Error as error:
            self.reply(503, str(error))
        else:
            self.reply(200, "well")

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
