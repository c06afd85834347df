# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may differ behind the edge, and why. Whatever no rule explains is a fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from support.shapes.shape import Shape


@dataclass(frozen=True)
class Rule:
    """`differences` are regular expressions, each for a whole difference as compare.py writes it."""

    name: str
    what: str
    why: str
    differences: tuple[str, ...]
    # Holds for every shape; otherwise only for those that name it.
    general: bool = False
    # It depends on which side is quicker.
    sometimes: bool = False

    def explains(self, difference: str) -> bool:
        return any(re.fullmatch(pattern, difference) for pattern in self.differences)


def refused(status: str, start: str = ".*") -> tuple[str, ...]:
    """The edge answers by itself, and the app sees nothing."""
    return (rf"app: never {start}", rf"client: first line: HTTP/1\.[01] \d+ .* -> HTTP/1\.1 {status} ?.*")


ADDRESS = r"[0-9a-f.:]+"

GENERAL = (
    Rule(
        "forwarded",
        "the app gets `X-Forwarded-For`, `-Host`, `-Port`, `-Proto`, and `-Prefix` if one is removed, and `X-Real-IP`",
        "so it knows its client; what a client itself says of them is replaced",
        (
            rf"app: \+x-(forwarded-for|real-ip): {ADDRESS}",
            r"app: \+x-forwarded-(host: [\w.:]+|port: \d+|proto: http|prefix: /strip)",
        ),
        general=True,
    ),
    Rule(
        "connection",
        "`Connection` and `Keep-Alive` are the edge's own, on both sides",
        "they speak of one connection; an app gets one for each request, see decision 2",
        (
            r"app: \+connection: close",
            r"app: ~connection: .* -> close",
            r"client: \+connection: (keep-alive|close)",
            r"client: ~connection: .* -> (keep-alive|close)",
            r"client: [+~]keep-alive: (.* -> )?timeout=60",
        ),
        general=True,
    ),
    Rule(
        "names",
        "names of headers are in lower case, and headers of different names may come in another order",
        "HTTP gives neither a meaning; headers of one name keep their order",
        (r"(app|client): (case of names|order of headers)",),
        general=True,
    ),
    Rule(
        "release",
        "every answer of an app has `X-Release`, and never another one than the live release's",
        "so everybody sees which release answered",
        (r"client: [+~]x-release: (.* -> )?\d{8}T\d{6}Z-staging-\w+",),
        general=True,
    ),
    Rule(
        "server",
        "`Server` is nginx, `Date` is the edge's",
        "what an app runs on concerns nobody",
        (r"client: [+~]server: (.* -> )?nginx", r"client: [+~]date: .* GMT"),
        general=True,
    ),
)

REQUESTS = (
    Rule(
        "method",
        "`TRACE` is 405; `CONNECT`, `OPTIONS *` and methods in lower case are 400",
        "nobody needs them behind an edge, and a `TRACE` shows cookies to scripts",
        refused("40[05]"),
    ),
    Rule(
        "target",
        "an address with a space, a control character, a broken escape or `%00`, without a slash in front or leading"
        " out of the root is 400",
        "it is no address, and programs read it in different ways",
        refused("400"),
    ),
    Rule(
        "fragment",
        "an address with a `#` is 400",
        "browsers keep that part to themselves; programs read it in different ways",
        refused("400"),
    ),
    Rule(
        "absolute",
        "the app gets the path of an absolute address",
        "the host is in `Host`; only proxies are asked for absolute addresses",
        (r"app: first line: GET http://.* -> GET /.* HTTP/1\.1",),
    ),
    Rule(
        "prefix",
        "a path with dot segments is 404 on a route with `strip_path`",
        "what it leads to is not what it begins with, so no prefix is removed from it",
        refused("404"),
    ),
    Rule(
        "too long",
        "more than 32 kB in all or 1,000 headers are 431, or 414 if it is the address, or 400",
        "one limit for both programs, `edge_head_kb`",
        refused("(431|414|400)"),
    ),
    Rule(
        "header names",
        "headers whose name has anything but letters, digits and dashes are left out; those with a space are 400",
        "apps take `_` for `-`; `edge_header_underscores` lets underscores pass",
        (*refused("400"), r"app: -(access_token|x\.y|x@y|x-\\xc3\\xa9): abc"),
    ),
    Rule(
        "header values",
        "a value with a NUL or on two lines is 400",
        "programs read it in different ways",
        refused("400"),
    ),
    Rule(
        "host",
        "HTTP/1.1 without `Host`, with an empty one or with two is 400; HTTP/1.0 without one goes to the stack that"
        " takes all names",
        "the standard says so",
        (*refused("400"), *refused("(503|421)")),
    ),
    Rule(
        "forged",
        "what a client says in `X-Forwarded-*`, `X-Real-IP`, `Forwarded` and `Proxy` never arrives",
        "only the edge knows; `edge_trusted_proxies` are believed",
        (
            r"app: ~x-(forwarded-(for|host|port|proto)|real-ip): .* -> .*",
            r"app: -(x-forwarded-prefix|forwarded|proxy): .*",
        ),
    ),
    Rule(
        "hop by hop",
        "`TE`, `Keep-Alive`, `Expect` and any `Upgrade` but WebSocket end at the edge",
        "they speak of one connection",
        (r"app: -(te|keep-alive|expect|upgrade): .*",),
    ),
    Rule(
        "body limit",
        "a body of more than the app's `body_limit` is 413",
        "an app says how much it takes",
        refused("413"),
    ),
    Rule(
        "buffered",
        "a body in chunks arrives whole, with its length",
        "slow clients keep no app busy, and its length is known",
        (r"app: \+content-length: \d+", r"app: -transfer-encoding: .*", r"app: framing: chunked -> length"),
    ),
    Rule(
        "trailers",
        "trailers are dropped, on both sides",
        "nginx passes none on by itself; hardly anything but gRPC uses them",
        (r"(app|client): trailers: X-Sum: 1 -> ",),
    ),
    Rule(
        "framing",
        "a request whose length is told twice, wrongly or in a way that is not `chunked` is 400 or 501",
        "requests are smuggled like that",
        (
            *refused("(400|501)"),
            r"app: never 3",
            r"client: never .*",
            r"client: (also|first line: .* ->) HTTP/1\.1 400 .*",
        ),
    ),
    Rule(
        "cut",
        "a body that is not whole never arrives, and a client that closes its half of the connection gets no answer",
        "who closes is taken to be gone, and is not worked for",
        (r"app: never .*", r"client: never HTTP/1\.1 200 OK"),
        sometimes=True,
    ),
    Rule(
        "continue",
        "the edge itself answers `Expect: 100-continue`, before it asks the app",
        "it takes the body in either way; an app's own refusal comes after it",
        (r"client: interim: .* -> .*", r"client: interim: .*", r"app: never .*"),
        sometimes=True,
    ),
)

ANSWERS = (
    Rule(
        "gzip",
        "text is sent in gzip to clients that take it; `Vary` says so, and an `ETag` becomes a weak one",
        "it is smaller, and no longer the same bytes",
        (
            r"client: \+content-encoding: gzip",
            r"client: -content-length: \d+",
            r'client: ~etag: "abc" -> W/"abc"',
            r"client: \+(transfer-encoding: chunked|vary: Accept-Encoding)",
            r"client: body: a line of text .* -> \\x1f\\x8b.*",
            r"client: framing: length -> chunked",
        ),
    ),
    Rule(
        "end",
        "an answer that lasts until its connection closes is sent in chunks, and a `HEAD` has no `Transfer-Encoding`",
        "so the client's connection stays, and it can tell a whole answer from a cut one",
        (
            r"client: \+transfer-encoding: chunked",
            r"client: framing: close -> chunked",
            r"client: -transfer-encoding: chunked",
        ),
    ),
    Rule(
        "HTTP/1.0",
        "apps get HTTP/1.1, clients answers of HTTP/1.1; a client of HTTP/1.0 gets no chunks",
        "each side of the edge speaks its own version",
        (
            r"app: first line: GET /x HTTP/1\.0 -> GET /x HTTP/1\.1",
            r"client: first line: HTTP/1\.0 200 OK -> HTTP/1\.1 200 OK",
            r"client: -transfer-encoding: chunked",
            r"client: framing: chunked -> close",
        ),
    ),
    Rule(
        "reason",
        "a reason that is missing is the usual one",
        "HAProxy writes it so",
        (r"client: first line: HTTP/1\.1 200  -> HTTP/1\.1 200 OK",),
    ),
    Rule(
        "broken answer",
        "an answer that is none, one of more than 32 kB of headers, or a `101` that nobody asked for is 502; what comes"
        " after its length is dropped",
        "clients get one answer, or one that says that there is none",
        (
            r"client: (first line: .* ->|also) HTTP/1\.1 502 .*",
            r"client: never and more",
            r"client: body:  -> cut",
            r"client: framing: cut -> .*",
        ),
    ),
    Rule(
        "interim",
        "answers before the answer (`102`, `103`, a `100` unasked) get the edge's headers, or are dropped",
        "nginx 1.29 and later drop them; earlier ones take them for the answer, and pass on the rest as it comes: apps"
        " should send none",
        (r"client: interim: .*",),
    ),
    Rule(
        "X-Accel",
        "`X-Accel-*` are the app's words to nginx: they are obeyed and not passed on",
        "`X-Accel-Redirect` asks for another address of the same host; buffering is on but for events",
        (
            r"client: -x-accel-buffering: no",
            r"app: also GET /elsewhere HTTP/1\.1",
            r"client: first line: HTTP/1\.1 200 OK -> HTTP/1\.1 500 .*",
        ),
    ),
    Rule(
        "early",
        "an app that answers before it has the body gets no more of it",
        "its answer is passed on, and its connection closed",
        (r"app: never POST .*", r"app: body: .*"),
        sometimes=True,
    ),
    Rule(
        "version",
        "HTTP/2 without TLS is 400, versions that there are not 505",
        "clients learn of HTTP/2 by TLS",
        (*refused("(400|505)"), r"app: never SM", r"client: never .*"),
    ),
    Rule(
        "lenient",
        "an empty line before a request, and lines that end with LF alone, are taken; the app gets them put right",
        "old clients send them",
        (
            r"app: first line: .* -> GET /x HTTP/1\.1",
            r"app: -get /x http/1\.1: ",
            r"app: \+host: shapes\.example",
            r"client: never HTTP/1\.1 200 OK",
            r"client: also HTTP/1\.1 200 OK",
        ),
    ),
    Rule(
        "upgrade",
        "`Connection: Upgrade` is in lower case",
        "it has no case",
        (r"(app|client): ~connection: Upgrade -> upgrade",),
    ),
)

RULES = {rule.name: rule for rule in (*GENERAL, *REQUESTS, *ANSWERS)}


@dataclass(frozen=True)
class Verdict:
    """What the rules make of the differences of one shape."""

    shape: Shape
    explained: dict[str, list[str]]
    unexplained: list[str]
    # Rules that the shape names, but that explain nothing.
    idle: list[str]

    @property
    def fine(self) -> bool:
        return not self.unexplained and not self.idle

    def __str__(self) -> str:
        said = [*self.unexplained, *(f"nothing differs by the rule {name!r}" for name in self.idle)]
        return f"{self.shape.name}: " + "; ".join(said)


def judge(shape: Shape, differences: Iterable[str], rules: Sequence[Rule] = tuple(RULES.values())) -> Verdict:
    """Each difference by the first rule that explains it, the shape's own before the general ones."""
    known = [rule for name in shape.rules for rule in rules if rule.name == name]
    known += [rule for rule in rules if rule.general]
    explained: dict[str, list[str]] = {}
    unexplained = []
    for difference in differences:
        rule = next((it for it in known if it.explains(difference)), None)
        if rule:
            explained.setdefault(rule.name, []).append(difference)
        else:
            unexplained.append(difference)
    idle = [rule.name for rule in known if not rule.general and not rule.sometimes and rule.name not in explained]
    return Verdict(shape, explained, unexplained, idle)
