# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index on the status page: the host's stacks, each with its state and a link to its page."""

from __future__ import annotations

from collections.abc import Sequence

from .data import PageData
from .html import Markup, join, tag
from .parts import icon
from .verdict import overall

#: Filled in by the edge: a stack without host names is reached by whatever name the reader typed.
ANY_HOST = Markup("<!--# echo var='host' default='' -->")


def index(data: PageData, others: Sequence[PageData]) -> Markup:
    """Nothing if there is one stack only."""
    if not others:
        return Markup("")
    stacks = sorted([data, *others], key=lambda page: page.status.stack)
    return tag("nav", tag("ul", *[tag("li", _stack(page, page is data)) for page in stacks]), aria_label="Stacks")


def _stack(page: PageData, is_this: bool) -> Markup:
    look, shape, text = overall(page)
    content = join(icon(shape), tag("span", page.status.stack, tag("span", f": {text}", class_="told")))
    if is_this:
        return tag("span", content, class_=f"pill {look}", aria_current="page")
    scheme, host, port = page.address
    usual = port == {"http": 80, "https": 443}[scheme]
    place = join(f"{scheme}://", host or ANY_HOST, "" if usual else f":{port}", "/_onehost/")
    return Markup(f'<a class="pill {look}" href="{place}">{content}</a>')
