"""Says to its database what it is told to, and what that answers."""

import http.server
import os
import signal
import socket
import sys
import urllib.parse

import psycopg2


def say(address, text):
    connection = psycopg2.connect(address, connect_timeout=3)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(text)
            return repr(cursor.fetchall()) if cursor.description else "done"
    finally:
        connection.close()


def reach(host, port):
    try:
        with socket.create_connection((host, int(port)), 2):
            return "reached"
    except OSError as error:
        return f"not reached: {error}"


class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        try:
            if path == "/reach":
                text = reach(asked["host"], asked["port"])
            elif path == "/sql":
                text = say(asked.get("address") or os.environ["DATABASE_URL"], asked["text"])
            else:
                text = "well"
        except (OSError, psycopg2.Error) as error:
            self.reply(502, str(error))
        else:
            self.reply(200, text)

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
