"""The command line of tools/lab. It needs Python alone, so that --help works before any setup."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

DEFAULT_NAME = "onehost-lab"
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def ports_of_examples() -> dict[str, tuple[int, int]]:
    """An example beside the first says in `<name>-demo/lab.json` which ports of the lab are its own."""
    found = {}
    for file in sorted(EXAMPLES.glob("*-demo/lab.json")):
        for use, port in json.loads(file.read_text())["ports"].items():
            found[f"{file.parent.name.removesuffix('-demo')}_{use}"] = (port, port)
    return found


# Each port's purpose: its number in the lab, and on this machine for the default lab.
PORTS = {
    **{"ssh": (22, 4422), "staging": (4400, 4400), "production": (4500, 4500), "http": (80, 8480)},
    **ports_of_examples(),
}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/lab", description="The lab: a throw-away VM in a container, reached over SSH like a real host."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=DEFAULT_NAME, help="container and host name")
    common.add_argument("--directory", type=Path, default=Path(".lab"), help="where keys go (in this clone)")
    commands = parser.add_subparsers(dest="command", required=True)
    start_it = commands.add_parser("up", parents=[common], help="find or make a lab")
    for use, (in_lab, usual) in PORTS.items():
        start_it.add_argument(
            f"--{use.replace('_', '-')}-port",
            type=int,
            metavar="PORT",
            help=f"port on this machine for the lab's {in_lab}; 0 = a free one "
            f"(default {usual}, with another --name 0)",
        )
    start_it.add_argument("--owner-pid", type=int, help="a test's process; see sweep")
    stop_it = commands.add_parser("down", parents=[common], help="remove all traces of a lab")
    stop_it.add_argument("--images", action="store_true", help="the images too")
    commands.add_parser("list", help="all labs on this machine")
    commands.add_parser("sweep", help="remove labs whose owner process is gone")
    commands.add_parser("seed", parents=[common], help="put the repositories back to commit 1")
    for name, what in (("save", "take a snapshot of a lab"), ("load", "put a snapshot in place of a lab")):
        commands.add_parser(name, parents=[common], help=what).add_argument("--snapshot", required=True)
    push_it = commands.add_parser("push", parents=[common], help="push an example's later change")
    push_it.add_argument("--change", type=int, required=True)
    push_it.add_argument("--repository", default="workhub")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    parse(sys.argv[1:])
