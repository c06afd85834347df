"""The web half of the notes example: a page and a health answer, standard library only."""

import html
import json
import os
import signal
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "1.0.0"
IDENTITY = {
    "app": os.environ.get("RELEASE_APP") or "web",
    "version": VERSION,
    "environment": os.environ.get("RELEASE_ENVIRONMENT") or "development",
    "release": os.environ.get("RELEASE_ID") or "none",
    "commit": os.environ.get("RELEASE_COMMIT") or "unknown",
}
HEALTH_FAIL = os.environ.get("HEALTH_FAIL", "").lower() in ("1", "true")


def log(event: str, **details: object) -> None:
    """Write one JSON line per event."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"time": moment, "event": event, **IDENTITY, **details}), flush=True)


def seconds(name: str, default: float) -> float:
    """Return a test switch's value."""
    return float(os.environ.get(name) or default)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; one connection per request (HTTP/1.0), so nothing idles at a stop."""

    # A client that sends nothing must not hold its thread, and with it the stop, for ever.
    timeout = 5

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/health":
            self.health()
        elif path == "/" and "application/json" in self.headers.get("Accept", ""):
            self.answer(HTTPStatus.OK, "application/json", json.dumps(IDENTITY))
        elif path == "/":
            self.answer(HTTPStatus.OK, "text/html; charset=utf-8", home_page())
        else:
            error = json.dumps({"error": f"There is no {path}."})
            self.answer(HTTPStatus.NOT_FOUND, "application/json", error)

    do_HEAD = do_GET

    def health(self) -> None:
        state = {name: IDENTITY[name] for name in ("app", "version", "environment", "release")}
        if HEALTH_FAIL:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            state = {"status": "failing", **state, "cause": "HEALTH_FAIL is set"}
        else:
            status = HTTPStatus.OK
            state = {"status": "ok", **state}
        self.answer(status, "application/json", json.dumps(state))

    def answer(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Requests are logged by the edge, not twice."""


class Server(ThreadingHTTPServer):
    # Threads that are waited for: server_close() then lets requests in flight finish.
    daemon_threads = False
    # The default of 5 waiting connections refuses clients in a burst.
    request_queue_size = 128


def home_page() -> str:
    facts = "".join(f"<li>{name}: <b>{html.escape(value)}</b></li>" for name, value in IDENTITY.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Notes</title><style>:root{color-scheme:light dark}"
        "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:2rem auto;padding:0 1rem}</style>"
        f"<h1>Notes</h1><p>A second, quite different stack on the same host.</p><ul>{facts}</ul></html>\n"
    )


def leave(code: int, event: str, **details: object) -> None:
    """End the process now, whatever its threads do."""
    log(event, **details)
    os._exit(code)


def after(delay: float, code: int, event: str, **details: object) -> None:
    timer = threading.Timer(delay, leave, (code, event), details)
    timer.daemon = True
    timer.start()


def main() -> int:
    # As process 1 of a container there is no default handling of signals, not even while booting.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    log("start")
    time.sleep(seconds("BOOT_SECONDS", 0))
    server = Server(("0.0.0.0", int(os.environ.get("NOTES_PORT") or 8000)), Handler)

    def stop(*_: object) -> None:
        log("shutdown")
        after(seconds("SHUTDOWN_SECONDS", 8), 0, "shutdown-deadline")
        # shutdown() waits for serve_forever(), which this very thread is running.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log("listening", port=server.server_port)
    if os.environ.get("EXIT_AFTER_SECONDS"):
        after(seconds("EXIT_AFTER_SECONDS", 0), 1, "exit", cause="EXIT_AFTER_SECONDS is set")
    # The poll decides how long an idle server takes to stop; its default is half a second.
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    log("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
