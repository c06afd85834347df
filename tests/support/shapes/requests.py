# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of requests: methods, targets and headers."""

from __future__ import annotations

from support.shapes.shape import HOST, Shape, answer, request

KILO = 1024


def padded(size: int, name: str = "X-Long") -> str:
    """A header of so many bytes, with its line end."""
    return f"{name}: {'v' * (size - len(name) - 4)}"


def filled(size: int) -> bytes:
    """A request whose head has so many bytes, most of them in a few headers."""
    bare = len(request("/x"))
    lines = [padded(8000, f"X-Long-{number}") for number in range((size - bare) // 8000)]
    rest = size - bare - 8000 * len(lines)
    return request("/x", *lines, padded(rest, "X-Rest"))


def target(size: int) -> bytes:
    """A request whose first line has so many bytes."""
    return request("/x?" + "q" * (size - len("GET /x? HTTP/1.1\r\n")))


METHODS = (
    Shape("GET", (request(),), quick=True),
    Shape("GET with a body", (request("/x", "Content-Length: 3", body=b"abc"),)),
    Shape("HEAD", (request(method="HEAD"),), (answer(body=b""),), quick=True),
    Shape(
        "HEAD, and the answer tells a length",
        (request(method="HEAD"),),
        (answer("Content-Length: 5", length=False, body=b""),),
    ),
    Shape("POST without a body", (request(method="POST"),)),
    Shape("POST of no bytes", (request("/x", "Content-Length: 0", method="POST"),)),
    Shape("PUT", (request("/x", "Content-Length: 3", method="PUT", body=b"abc"),)),
    Shape("PATCH", (request("/x", "Content-Length: 3", method="PATCH", body=b"abc"),)),
    Shape("DELETE", (request(method="DELETE"),)),
    Shape("DELETE with a body", (request("/x", "Content-Length: 3", method="DELETE", body=b"abc"),)),
    Shape("OPTIONS", (request("/x", "Origin: https://a.example", method="OPTIONS"),)),
    Shape("OPTIONS of the server: *", (request("*", method="OPTIONS"),), rules=("method",)),
    Shape("PROPFIND", (request("/x", "Depth: 1", method="PROPFIND"),)),
    Shape("a method of one's own: PURGE", (request(method="PURGE"),)),
    Shape("a method with a dash: M-SEARCH", (request(method="M-SEARCH"),)),
    Shape("a method in lower case", (request(method="get"),), rules=("method",)),
    Shape("TRACE", (request(method="TRACE"),), rules=("method",)),
    Shape("CONNECT", (request("shapes.example:80", method="CONNECT"),), rules=("method",)),
)

TARGETS = (
    Shape("a query", (request("/x?a=1&b=%20&a=2"),)),
    Shape("an empty query", (request("/x?"),)),
    Shape("a query with slashes and ?", (request("/x?u=/../a?b//c"),)),
    Shape("raw UTF-8 in the query", (request("/x?q=한글"),), quick=True),
    Shape("raw UTF-8 in the path", (request("/카페/é"),), quick=True),
    Shape("raw UTF-8 behind a removed prefix", (request("/카페?q=é"),), strip=True, quick=True),
    Shape("raw Latin-1", (request(b"/caf\xe9?q=\xe9"),), quick=True),
    Shape("escaped UTF-8, in either case", (request("/%ED%95%9C%ea%b8%80"),)),
    Shape("%2F and %5C", (request("/a%2Fb%5Cc"),), quick=True),
    Shape("%2F behind a removed prefix", (request("/a%2Fb//c"),), strip=True),
    Shape("%25", (request("/100%25/%2561"),)),
    Shape("a broken escape", (request("/%zz"),), rules=("target",)),
    Shape("an escaped NUL", (request("/a%00b"),), rules=("target",)),
    Shape("empty segments", (request("//a//b/"),), quick=True),
    Shape("dot segments", (request("/a/./b/../c"),)),
    Shape("dot segments that leave the root", (request("/../a"),), rules=("target",)),
    Shape("dot segments behind a removed prefix", (request("/a/../b"),), strip=True, rules=("prefix",)),
    Shape("parameters with ;", (request("/a;b=c/d;e"),)),
    Shape("[ ] | ^ ` { } in the query", (request("/x?a[]=1&b=|^`{}"),), quick=True),
    Shape('" < > in the query', (request('/x?a="<b>"'),)),
    Shape("a backslash", (request("/a\\b"),)),
    Shape("+ ~ ! $ ' ( ) * , : @", (request("/+~!$'()*,:@"),)),
    Shape("a space", (request("/a b"),), rules=("target",)),
    Shape("a tab", (request("/a\tb"),), rules=("target",)),
    Shape("a control character", (request("/a\x01b"),), rules=("target",)),
    Shape("a fragment", (request("/a#b"),), rules=("fragment",)),
    Shape("an absolute address", (request(f"http://{HOST}/x?y"),), rules=("absolute",)),
    Shape("an absolute address without a path", (request(f"http://{HOST}"),), rules=("absolute",)),
    Shape("no slash in the beginning", (request("x"),), rules=("target",)),
    Shape("the removed prefix alone", (request("/"),), strip=True),
    Shape("an address of 8,300 bytes", (target(8300),), quick=True),
    Shape("an address of 32,000 bytes", (target(32000),), quick=True),
    Shape("an address of 40,000 bytes", (target(40000),), quick=True, rules=("too long",)),
)

HEADERS = (
    Shape(
        "those of a browser",
        (
            request(
                "/x",
                "Connection: keep-alive",
                "Cache-Control: max-age=0",
                "Upgrade-Insecure-Requests: 1",
                "DNT: 1",
                "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
                "Accept: text/html,*/*;q=0.8",
                "Sec-Fetch-Mode: navigate",
                "Accept-Language: ko,en;q=0.5",
                "Cookie: a=1; b=2",
                'sec-ch-ua: "Chromium";v="140"',
                "Priority: u=0, i",
            ),
        ),
        quick=True,
    ),
    Shape("a name with an underscore", (request("/x", "access_token: abc"),), quick=True, rules=("header names",)),
    Shape("a name with a dot", (request("/x", "x.y: abc"),), rules=("header names",)),
    Shape("a name with an @", (request("/x", "x@y: abc"),), rules=("header names",)),
    Shape("a name in mixed case", (request("/x", "X-mIxEd: abc"),)),
    Shape("a name with a space behind it", (request("/x", "X-A : abc"),), rules=("header names",)),
    Shape("a name in UTF-8", (request("/x", "X-é: abc"),), rules=("header names",)),
    Shape("an empty value", (request("/x", "X-Empty:", "X-Blank:   "),)),
    Shape("spaces around and in a value", (request("/x", "X-A:   a  b \t c   "),)),
    Shape("a value without a space before it", (request("/x", "X-A:abc"),)),
    Shape("a value in UTF-8", (request("/x", "X-Name: 한글 é"),), quick=True),
    Shape("a value in Latin-1", (request("/x", b"X-Name: caf\xe9"),)),
    Shape("a value with a control character", (request("/x", "X-A: a\x01b"),)),
    Shape("a value with a NUL", (request("/x", "X-A: a\0b"),), rules=("header values",)),
    Shape("a folded value", (request("/x", "X-A: a\r\n b"),), rules=("header values",)),
    Shape("the same name twice", (request("/x", "X-A: 1", "X-B: 2", "X-A: 3"),), quick=True),
    Shape("two cookies", (request("/x", "Cookie: a=1", "Cookie: b=2"),)),
    Shape("a cookie with odd signs", (request("/x", 'Cookie: a="x,y"; b={"c":[1]}; d=%20; é=1'),)),
    Shape("a cookie of 8,300 bytes", (request("/x", padded(8300, "Cookie")),), quick=True),
    Shape("three headers of 6,000 bytes", (request("/x", *(padded(6000, f"X-{name}") for name in "ABC")),), quick=True),
    Shape("one header of 31,000 bytes", (request("/x", padded(31000)),), quick=True),
    Shape("a head of 32 kB", (filled(32 * KILO),), quick=True),
    Shape("a head of 34 kB", (filled(34 * KILO),), quick=True, rules=("too long",)),
    Shape("one header of 40,000 bytes", (request("/x", padded(40000)),), quick=True, rules=("too long",)),
    Shape("200 headers", (request("/x", *(f"X-{number}: {number}" for number in range(200))),), quick=True),
    Shape("980 headers", (request("/x", *(f"X-{number}: {number}" for number in range(980))),), quick=True),
    Shape(
        "1,500 headers",
        (request("/x", *(f"X-{number}: {number}" for number in range(1500))),),
        quick=True,
        rules=("too long",),
    ),
    Shape("no Host", (request(host=None),), rules=("host",)),
    Shape("an empty Host", (request(host=""),), rules=("host",)),
    Shape("two Hosts", (request("/x", "Host: other.example"),), rules=("host",)),
    Shape("a Host with a port", (request(host=f"{HOST}:8080"),)),
    Shape("a Host in capitals", (request(host=HOST.upper()),)),
    Shape("a Host with a dot at the end", (request(host=f"{HOST}."),)),
    Shape("Authorization", (request("/x", "Authorization: Bearer abc.def"),)),
    Shape(
        "X-Forwarded-*, by a client",
        (
            request(
                "/x",
                "X-Forwarded-For: 1.2.3.4",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: evil.example",
                "X-Forwarded-Port: 1",
                "X-Forwarded-Prefix: /evil",
                "X-Real-IP: 1.2.3.4",
            ),
        ),
        rules=("forged",),
    ),
    Shape(
        "Forwarded, Proxy and Via, by a client",
        (request("/x", "Forwarded: for=1.2.3.4", "Proxy: http://evil.example", "Via: 1.1 a"),),
        rules=("forged",),
    ),
    Shape("Connection: close", (request("/x", "Connection: close"),)),
    Shape("Connection names a header", (request("/x", "Connection: X-Hop", "X-Hop: 1"),)),
    Shape(
        "Keep-Alive and Proxy-Connection",
        (request("/x", "Keep-Alive: 5", "Proxy-Connection: keep-alive"),),
        rules=("hop by hop",),
    ),
    Shape("TE: trailers", (request("/x", "TE: trailers", "Connection: TE"),), rules=("hop by hop",)),
    Shape(
        "Upgrade: h2c",
        (request("/x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"),),
        rules=("hop by hop",),
    ),
    Shape(
        "If-None-Match and If-Modified-Since",
        (request("/x", 'If-None-Match: W/"abc", "d"', "If-Modified-Since: Wed, 21 Oct 2015 07:28:00 GMT"),),
    ),
    Shape(
        "Origin and Access-Control-*",
        (request("/x", "Origin: https://a.example", "Access-Control-Request-Method: PUT", method="OPTIONS"),),
    ),
    Shape("traceparent and X-Request-Id", (request("/x", "traceparent: 00-4bf9-00f0-01", "X-Request-Id: abc"),)),
)
