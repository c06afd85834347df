"""Write the reference from the code's own documentation; with --check only report what has drifted.

Roles are described by their meta/argument_specs.yml, modules and plugins by their DOCUMENTATION, playbooks by the
comment at their head. Each roles/<name>/README.md and docs/reference/ are generated from these; no line there is
written by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = "onehost.release"
PLACE = "docs/reference"
NOTE = "<!-- Written by `make docs`. Change what it is made from: {source}. -->"
#: Ansible's kinds of plugins, in the order of the page.
KINDS = ("lookup", "filter", "test", "callback", "inventory", "vars", "connection", "become", "strategy")
MARKUP = re.compile(r"\b(?:[CVOMIBPE]|RV|U)\(((?:[^()\\]|\\.)*)\)")

Described = Mapping[str, Any]


def markdown(text: str) -> str:
    """Ansible's own markup, such as C(name) and M(collection.module), as Markdown."""
    return MARKUP.sub(lambda found: f"`{found[1].partition('#')[0] if found[0][0] == 'P' else found[1]}`", text)


def sentences(text: str | Iterable[str]) -> str:
    """A description, which may be one text or several, on one line."""
    parts = [text] if isinstance(text, str) else list(text)
    return " ".join(" ".join(markdown(part).split()) for part in parts)


def cell(text: str) -> str:
    """Text that does not end a table cell."""
    return text.replace("|", r"\|")


def kind_of(option: Described) -> str:
    """The type in words."""
    kind = str(option.get("type", "str"))
    return f"list of {option['elements']}" if kind == "list" and "elements" in option else kind


def default_of(option: Described) -> str:
    """The default as one would type it in YAML."""
    if option.get("required"):
        return "required"
    if option.get("default") is None:
        return "none"
    value = option["default"]
    text = value if isinstance(value, str) and value else yaml_of(value)
    return f"`{cell(text)}`"


def yaml_of(value: Any) -> str:
    """A value on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()
    return '""' if text == "''" else text


def meaning_of(option: Described) -> str:
    """The description, plus choices and other facts that the type does not show."""
    text = sentences(option.get("description", ""))
    if option.get("choices"):
        text += " One of " + ", ".join(f"`{yaml_of(choice)}`" for choice in option["choices"]) + "."
    if option.get("aliases"):
        text += " Also " + ", ".join(f"`{alias}`" for alias in option["aliases"]) + "."
    settings = [f"`{item['name']}`" for item in option.get("env") or []]
    settings += [f"`[{item['section']}] {item['key']}`" for item in option.get("ini") or []]
    settings += [f"variable `{item['name']}`" for item in option.get("vars") or []]
    if settings:
        text += " Set by " + ", ".join(settings) + "."
    return cell(text)


def rows(options: Mapping[str, Described], above: str = "") -> Iterator[str]:
    """One row for each option, each followed by its suboptions."""
    for name, option in options.items():
        path = f"{above}{name}"
        yield f"| `{path}` | {kind_of(option)} | {default_of(option)} | {meaning_of(option)} |"
        inner = option.get("options") or option.get("suboptions")
        if inner:
            yield from rows(inner, f"{path}[]." if option.get("type") == "list" else f"{path}.")


def table(word: str, options: Mapping[str, Described]) -> list[str]:
    """The options of a role, a module or a plugin."""
    return [f"| {word} | type | default | meaning |", "| --- | --- | --- | --- |", *rows(options)]


def role_page(name: str, spec: Described) -> str:
    """README.md of a role."""
    description = spec.get("description", [])
    changes = [description] if isinstance(description, str) else description
    lines = [f"# {COLLECTION}.{name}", "", NOTE.format(source="meta/argument_specs.yml"), ""]
    lines += [f"{spec['short_description']}.", "", "## What it changes", ""]
    lines += [f"- {sentences(text)}" for text in changes]
    lines += ["", "## Variables", "", *table("variable", spec.get("options") or {})]
    return "\n".join(lines) + "\n"


def plugin_section(name: str, entry: Described) -> list[str]:
    """A module or a plugin on its page."""
    doc = entry["doc"]
    descriptions = doc.get("description", [])
    lines = [f"## {name}", "", f"{markdown(doc['short_description'])}.", ""]
    lines += [f"- {sentences(text)}" for text in ([descriptions] if isinstance(descriptions, str) else descriptions)]
    lines.append("")
    if doc.get("options"):
        lines += [*table("option", dict(sorted(doc["options"].items()))), ""]
    attributes = doc.get("attributes") or {}
    if attributes:
        lines += ["| attribute | support | |", "| --- | --- | --- |"]
        lines += [
            f"| {key.replace('_', ' ')} | {value['support']} | {cell(sentences(value['description']))} |"
            for key, value in sorted(attributes.items())
        ]
        lines.append("")
    if str(entry.get("examples") or "").strip():
        lines += ["```yaml", str(entry["examples"]).strip(), "```", ""]
    if entry.get("return"):
        lines += ["| returned | type | when | meaning |", "| --- | --- | --- | --- |"]
        for key, value in entry["return"].items():
            said = cell(sentences(value["description"]))
            lines.append(f"| `{key}` | {kind_of(value)} | {value.get('returned', 'always')} | {said} |")
        lines.append("")
    return lines


def plugins_page(title: str, source: str, entries: Mapping[str, tuple[str, Described]]) -> str:
    """All modules, or all other plugins."""
    lines = [f"# {title}", "", NOTE.format(source=source), ""]
    for name, (_kind, entry) in entries.items():
        lines += plugin_section(name, entry)
    return "\n".join(lines)


def playbook_head(text: str) -> tuple[str, str]:
    """What a playbook does: the name of its play, and the comment at its head."""
    comment = re.match(r"---\n((?:#.*\n)*)", text)
    said = " ".join(line.removeprefix("#").strip() for line in (comment[1] if comment else "").splitlines())
    (play, *_others) = yaml.safe_load(text)
    return str(play["name"]), said


def playbooks_page(playbooks: Mapping[str, str]) -> str:
    """The page of all playbooks."""
    lines = ["# Playbooks", "", NOTE.format(source="the comment at the head of each playbook"), ""]
    lines += [
        "`ansible-playbook playbooks/<name>.yml` in a clone,",
        f"`ansible-playbook {COLLECTION}.<name>` where the collection is installed.",
        "",
        "| name | what it does | |",
        "| --- | --- | --- |",
    ]
    for name, text in playbooks.items():
        title, said = playbook_head(text)
        # Words in angle brackets would be rendered as HTML.
        lines.append(f"| `{name}` | {cell(title)} | {cell(said).replace('<', '&lt;')} |")
    return "\n".join(lines) + "\n"


def contents_page(roles: Mapping[str, Described], pages: Mapping[str, Mapping[str, str]]) -> str:
    """The table of contents."""
    lines = ["# Reference", "", NOTE.format(source="meta/argument_specs.yml, DOCUMENTATION, playbooks"), ""]
    lines += ["What each part takes and gives. The stack itself is described in [stack.md](../stack.md).", ""]
    lines += ["| roles | |", "| --- | --- |"]
    lines += [
        f"| [{name}](../../roles/{name}/README.md) | {spec['short_description']} |" for name, spec in roles.items()
    ]
    lines += ["", "All [playbooks](playbooks.md).", ""]
    for page, entries in pages.items():
        lines += [f"| {page.removesuffix('.md')} | |", "| --- | --- |"]
        lines += [f"| [{name}]({page}#{name}) | {markdown(said)} |" for name, said in entries.items()]
        lines.append("")
    return "\n".join(lines)


def documentation() -> Mapping[str, Mapping[str, Any]]:
    """Everything that Ansible knows about the collection, by kind and name."""
    answer = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-doc"), "--metadata-dump", COLLECTION],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    known: dict[str, dict[str, Any]] = json.loads(answer.stdout)["all"]
    prefix = f"{COLLECTION}."
    return {
        kind: {name.removeprefix(prefix): entry for name, entry in sorted(entries.items()) if name.startswith(prefix)}
        for kind, entries in known.items()
    }


def specification(role: str) -> Described:
    """The content of argument_specs.yml, in the order in which it is written there."""
    text = (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text()
    spec: Described = yaml.safe_load(text)["argument_specs"]["main"]
    return spec


def written() -> dict[str, str]:
    """Every page with its text."""
    known = documentation()
    roles = {path.name: specification(path.name) for path in sorted((ROOT / "roles").iterdir()) if path.is_dir()}
    modules = {name: ("module", entry) for name, entry in known["module"].items()}
    plugins = {name: (kind, entry) for kind in KINDS for name, entry in known.get(kind, {}).items()}
    playbooks = {path.stem: path.read_text() for path in sorted((ROOT / "playbooks").glob("*.yml"))}
    pages = {
        "modules.md": {name: entry["doc"]["short_description"] for name, (_, entry) in modules.items()},
        "plugins.md": {
            name: f"{kind.capitalize()}: {entry['doc']['short_description']}" for name, (kind, entry) in plugins.items()
        },
    }
    return {
        **{f"roles/{name}/README.md": role_page(name, spec) for name, spec in roles.items()},
        f"{PLACE}/README.md": contents_page(roles, pages),
        f"{PLACE}/playbooks.md": playbooks_page(playbooks),
        f"{PLACE}/modules.md": plugins_page("Modules", "DOCUMENTATION in plugins/modules/", modules),
        f"{PLACE}/plugins.md": plugins_page("Plugins", "DOCUMENTATION in plugins/", plugins),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is not as it would be")
    only_check = bool(parser.parse_args().check)
    pages = written()
    present = {str(path.relative_to(ROOT)) for path in (ROOT / PLACE).rglob("*") if path.is_file()}
    drifted = [name for name, text in pages.items() if not (ROOT / name).is_file() or (ROOT / name).read_text() != text]
    surplus = sorted(present - set(pages))
    if only_check and (drifted or surplus):
        names = ", ".join(drifted + surplus)
        print(f"reference: not what the code says of itself: {names}. Fix: make docs", file=sys.stderr)
        return 1
    for name in drifted:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(pages[name])
        print(f"reference: wrote {name}")
    for name in surplus:
        (ROOT / name).unlink()
        print(f"reference: removed {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
