"""Migrations in a few lines: the database's version is the number of tables that it has."""

import os
import pathlib
import sys

import psycopg2

WANTED = int(pathlib.Path("VERSION").read_text())


def main(word):
    if word == "target":
        return WANTED
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'step%'")
        there = cursor.fetchone()[0]
        if word == "up":
            for number in range(there + 1, WANTED + 1):
                cursor.execute(f"CREATE TABLE step{number} (id serial PRIMARY KEY, said text)")
                there = number
    connection.close()
    return there


print(main(sys.argv[1]))
