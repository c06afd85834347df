"""Migrations as a list of SQL: `up`, `down <revision>`, `revision` and `target`, each migration in one transaction."""

import json
import pathlib
import sys

import store

VERSIONS = json.loads(pathlib.Path("versions.json").read_text())


def applied():
    with store.connected() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS versions (name varchar(40) PRIMARY KEY)")
        return [row[0] for row in connection.execute("SELECT name FROM versions ORDER BY name")]


def go(version, way):
    print(f"Running {way}grade -> {version['name']}", flush=True)
    with store.connected() as connection:
        for text in version[way]:
            connection.execute(text)
        if way == "up":
            connection.execute(f"INSERT INTO versions VALUES ('{version['name']}')")
        else:
            connection.execute(f"DELETE FROM versions WHERE name = '{version['name']}'")


def main():
    what = sys.argv[1]
    if what == "target":
        print(VERSIONS[-1]["name"])
        return
    there = applied()
    unknown = set(there) - {version["name"] for version in VERSIONS}
    if what == "revision":
        print(max(there, default=""))
    elif unknown:
        sys.exit(f"error: {unknown} are applied, which this image does not know")
    elif what == "up":
        for version in VERSIONS:
            if version["name"] not in there:
                go(version, "up")
    else:
        for version in reversed(VERSIONS):
            if version["name"] in there and version["name"] > sys.argv[2]:
                go(version, "down")


main()
