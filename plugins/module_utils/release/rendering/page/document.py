# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page of a stack: plain data in, one HTML document out.

The document is self-contained and runs no scripts. Everything that people or apps wrote is escaped, see `html`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...hints import hint, on_host
from .data import PageData
from .disk_plot import disk
from .drill_plot import drills
from .environment import environment
from .history import operations, releases, rollback
from .html import Markup, clock, join, tag
from .index import index
from .parts import icon, section, shapes, typed
from .style import POLICY, style
from .verdict import verdict

#: The page is written each minute. If it is older than this, it says so.
STALE_MINUTES = 4
REFRESH_SECONDS = 60
CLOCK_SECONDS = 5
NOTHING = Markup("")


def page(data: PageData, others: Sequence[PageData] = ()) -> str:
    """The whole document from the result of `page_data.look`. `others` are those of the host's other stacks."""
    now = float(data.at)
    parts = [
        verdict(data),
        environment(data, "production"),
        environment(data, "staging"),
        tag("div", rollback(data), releases(data), disk(data), operations(data), drills(data), class_="rest whole"),
    ]
    if data.notes:
        lines = tag("ul", *[tag("li", on_host(line, data.status.stack)) for line in data.notes], class_="changes")
        parts.append(section("Keys, secrets, feature flags", lines, look="whole"))
    return _document(data.status.stack, data.host, now, join(*parts), index(data, others))


def trouble(stack: str, host: str, now: float, cause: str) -> str:
    """The document for a moment at which the state could not be read."""
    text = tag("p", "The apps may still be answering; only this page could not be updated.")
    title = tag("h2", icon("cross"), "This host could not be inspected")
    command = typed(on_host(hint("status"), stack))
    card = tag("section", title, tag("p", on_host(cause, stack)), text, command, class_="verdict bad whole")
    return _document(stack, host, now, card)


def _document(stack: str, host: str, now: float, content: Markup, stacks: Markup = NOTHING) -> str:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex, nofollow"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="refresh", content=REFRESH_SECONDS),
        tag("title", f"{stack}: status"),
        tag("link", rel="icon", href="data:,"),
        style(),
    )
    written = tag("time", clock(now, now), datetime=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)))
    header = tag(
        "header",
        tag("h1", stack),
        tag("span", f"on {host}", class_="host"),
        tag("p", "Updated ", written, ", every minute", class_="written"),
        stale_note(now),
    )
    command = tag("code", on_host(hint("status"), stack))
    footer = tag("footer", tag("p", "The same in a terminal on the host: ", command))
    body = tag("body", shapes(), header, stacks, tag("main", content), footer)
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def stale_note(now: float) -> Markup:
    """A server-side include that has the edge mark the page as old, unless requested in one of the listed minutes.
    It needs neither JavaScript nor the reader's clock; without the edge it is a plain comment.
    The pattern does not end in a dollar sign, which nginx would read as the start of a variable's name."""
    # The edge caches the time, so its clock may be a moment behind.
    moments = [now - CLOCK_SECONDS, *(now + 60 * minute for minute in range(STALE_MINUTES))]
    fresh = "|".join(sorted({time.strftime("%Y%m%d%H%M", time.gmtime(at)) for at in moments}))
    text = tag("strong", "This page is out of date.") + " It should be updated every minute. See: "
    text += tag("code", "systemctl status onehost-page.timer")
    return Markup(
        f"<!--# set var='old' value='<p class=\"stale\" role=\"status\">{text}</p>' -->"
        "<!--# config timefmt='%Y%m%d%H%M' -->"
        f"<!--# if expr='$date_gmt = /^({fresh})/' --><!--# else -->"
        "<!--# echo var='old' encoding='none' default='' --><!--# endif -->"
    )
