"""The documentation's links, commands and examples."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.package import ROOT, known_files

#: Pages that users get with the collection.
SHIPPED = re.compile(r"README[^/]*\.md|SECURITY\.md|docs/.*|roles/[^/]+/README\.md")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.M)
PLAYBOOK = re.compile(r"(?:playbooks/([a-z_]+)\.yml|onehost\.release\.([a-z_]+)|(?<![\w/.-])([a-z_]+)\.yml)")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    name: str
    text: str

    @property
    def prose(self) -> str:
        """Everything outside of fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """The targets of its links, without other sites."""
        found = [one or other for one, other in LINK.findall(re.sub(r"`[^`\n]*`", "", self.prose))]
        return [target for target in found if not re.match(r"[a-z]+:", target)]

    @property
    def anchors(self) -> set[str]:
        """The headings, as GitHub makes anchors of them."""
        return {anchor(heading) for heading in HEADING.findall(self.prose)}

    @property
    def yaml_blocks(self) -> list[str]:
        return [block for _indent, language, block in FENCE.findall(self.text) if language in ("yaml", "yml")]

    @property
    def lines(self) -> Iterator[str]:
        """Lines of code: indented, in a block, or between backticks."""
        for line in self.text.splitlines():
            if line.startswith("    ") or re.match(r" +\S", line):
                yield line.strip()
            yield from re.findall(r"`([^`]+)`", line)

    def commands(self, *programs: str) -> list[list[str]]:
        """Commands of these programs, as words, without comments."""
        found = []
        for line in self.lines:
            for part in re.split(r" && |; | \| ", line):
                words = words_of(part)
                if words and words[0] == "sudo":
                    words = words[1:]
                if words and words[0] in programs:
                    found.append(words)
        return found


def words_of(line: str) -> list[str]:
    """A command line as a shell splits it; empty if a shell cannot parse it."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def anchor(heading: str) -> str:
    """GitHub's anchor of a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def pages() -> list[Page]:
    """Every Markdown file of the repository."""
    return [Page(name, (ROOT / name).read_text()) for name in known_files() if name.endswith(".md")]


def page(name: str) -> Page:
    return Page(name, (ROOT / name).read_text())


def target_of(page: Page, link: str) -> tuple[Path, str]:
    """The file that a link points to, and the anchor in it."""
    path, _mark, place = link.partition("#")
    return ((ROOT / page.name).parent / path if path else ROOT / page.name).resolve(), place
