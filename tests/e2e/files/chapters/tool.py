"""Applies `versions/<number>.sql` in order, each in a transaction; says what is applied, and what there is."""

import os
import pathlib
import sys

import psycopg2

VERSIONS = sorted(path.stem for path in pathlib.Path("versions").glob("*.sql"))


def applied(cursor):
    cursor.execute("SELECT to_regclass('versions')")
    if cursor.fetchone()[0] is None:
        return ""
    cursor.execute("SELECT max(version) FROM versions")
    return cursor.fetchone()[0] or ""


def migrate(connection):
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS versions (version text PRIMARY KEY)")
        there = applied(cursor)
    for version in VERSIONS:
        if version > there:
            print(f"Running upgrade {there} -> {version}", flush=True)
            with connection, connection.cursor() as cursor:
                cursor.execute(pathlib.Path(f"versions/{version}.sql").read_text())
                cursor.execute("INSERT INTO versions VALUES (%s)", (version,))
            there = version


what = sys.argv[1]
if what == "target":
    print(VERSIONS[-1])
else:
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=3)
    if what == "migrate":
        migrate(connection)
    else:
        with connection, connection.cursor() as cursor:
            print(applied(cursor))
