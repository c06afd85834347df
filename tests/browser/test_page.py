# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page in a real browser: on a phone and on a desk, by day and by night, on good days and bad ones.

Leaves a picture of each in tests/output/, and those of docs/status-page.md, which are docs/images/status-page*.png.
"""

from __future__ import annotations

import asyncio
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import pages
from support.browser import Tab, browser

from release.rendering.page.document import page, trouble

OUTPUT = Path(__file__).resolve().parents[1] / "output"
TROUBLE = trouble("shop", "vm-1.example.com", pages.NOW, f"docker: {pages.MARK} {pages.LONG}")
KINDS = (pages.usual, pages.first_day, pages.bad_day, pages.no_way_back, pages.drilled)
DAYS = {day.__name__: page(day()) for day in KINDS}
DAYS["several"] = page(pages.usual(), pages.neighbours())
CARDS = ["Production", "Staging", "Rollback", "Releases", "Disk", "Promotes, rollbacks, deploys"]

#: Everything that is wrong with how the page looks, in words.
LOOK = """(() => {
  const found = [], width = document.documentElement.clientWidth, needed = document.documentElement.scrollWidth;
  if (needed > width) found.push(`scrolls sideways: ${needed}`);
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const [r, g, b] = colour.map(part => part / 255).map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim(), element = node.parentElement;
    if (!text || !element.getClientRects().length) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), card = element.closest("section");
    const right = card ? card.getBoundingClientRect().right : width;
    if (box.right > right + 0.5 || box.left < 0) found.push(`sticks out: ${text.slice(0, 40)}`);
    if (parseFloat(getComputedStyle(element).fontSize) < 12.5) found.push(`too small: ${text.slice(0, 40)}`);
    const [one, two] = [numbers(getComputedStyle(element).color), behind(element)].map(light);
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return found;
})()"""


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives out the pages, and nothing else."""

    def do_GET(self) -> None:
        text = (DAYS | {"trouble": TROUBLE}).get(self.path.strip("/"), "")
        self.send_response(200 if text else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.05), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


async def look(tab: Tab, site: str, day: str, width: int, scheme: str) -> None:
    """One page on one device."""
    where = f"{day} at {width} px, {scheme}"
    await tab.open(f"{site}/{day}", width, 844 if width < 600 else 800, scheme)
    await tab.screenshot(OUTPUT / f"page-{day}-{width}-{scheme}.png")
    assert await tab.run(LOOK) == [], where
    assert tab.complaints == [], where
    assert [url for url in tab.requests if url != "data:,"] == [f"{site}/{day}"], where
    assert await tab.run("document.scripts.length") == 0, where
    assert await tab.run("getComputedStyle(document.body).backgroundColor") != "rgba(0, 0, 0, 0)", (
        "the style is refused"
    )


async def every_device(site: str, day: str) -> None:
    async with browser() as tab:
        for width in (320, 390, 1280):
            for scheme in ("light", "dark"):
                await look(tab, site, day, width, scheme)


@pytest.mark.parametrize("day", [*DAYS, "trouble"])
def test_every_day_on_every_device(site: str, day: str) -> None:
    asyncio.run(every_device(site, day))


async def what_it_says(site: str) -> None:
    async with browser() as tab:
        for day in DAYS:
            await tab.open(f"{site}/{day}", 390, 844, "light")
            titles = await tab.run(
                "[...document.querySelectorAll('section[aria-labelledby] h2')].map(h => h.textContent)"
            )
            assert titles[: len(CARDS)] == CARDS, day
            # What a person told the page is there to be read, character for character.
            assert (await tab.run(f"document.body.innerText.includes({pages.MARK!r})")) is (day == "bad_day")
            unknown = (
                "[...document.querySelectorAll('use')].filter(u => !document.querySelector(u.getAttribute('href')))"
            )
            assert await tab.run(f"{unknown}.length") == 0
        await tab.open(f"{site}/several", 390, 844, "light")
        links = await tab.run("[...document.querySelectorAll('nav a')].map(a => a.textContent)")
        assert links == ["bakery: Needs attention", "library: Nothing has been released yet"]
        assert await tab.run("document.querySelector('[aria-current]').textContent.split(':')[0]") == "shop"
        await tab.open(f"{site}/usual", 1280, 800, "light")
        # No card is taller than what it holds: an empty box looks as if something were missing.
        columns = "[...document.querySelectorAll('.rest section')].map(s => s.getBoundingClientRect())"
        ends = await tab.run(
            f"(b => [...new Set(b.map(x => x.left))].map(l => Math.max(...b.filter(x => x.left === l)"
            f".map(x => x.bottom))))({columns})"
        )
        assert len(ends) == 2 and abs(ends[0] - ends[1]) < 200, "one column is much longer than the other"
        empty = """[...document.querySelectorAll('section')].filter(s => {
          const last = s.lastElementChild.getBoundingClientRect(), card = s.getBoundingClientRect();
          return card.bottom - last.bottom > 40;
        }).map(s => s.textContent.slice(0, 20))"""
        assert await tab.run(empty) == []
        await tab.screenshot(OUTPUT / "status-page.png", (1280, 936), 0.75)
        await tab.open(f"{site}/usual", 390, 844, "dark")
        await tab.screenshot(OUTPUT / "status-page-phone.png", (390, 844), 0.5)
        assert await tab.run("document.querySelectorAll('time[datetime]').length") > 15
        drawn = "document.querySelector('.plot svg').getBoundingClientRect()"
        assert await tab.run(f"{drawn}.width > 200 && {drawn}.height > 100")
        assert await tab.run("document.querySelectorAll('.used').length") == 3, "two pieces of a line, and the key"
        await tab.open(f"{site}/drilled", 390, 844, "light")
        lows = "[...document.querySelectorAll('.low svg')].map(s => s.getBoundingClientRect())"
        assert await tab.run(f"{lows}.filter(b => b.width > 200 && b.height > 60 && b.height < 100).length") == 4


def test_what_a_reader_finds(site: str) -> None:
    asyncio.run(what_it_says(site))
