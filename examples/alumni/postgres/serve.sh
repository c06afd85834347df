#!/bin/sh
# Make the cluster where there is none, and serve it.
set -eu
bin=/usr/lib/postgresql/17/bin
if [ ! -s /data/PG_VERSION ]; then
  printf '%s\n' "$POSTGRES_PASSWORD" > /tmp/password
  "$bin/initdb" --pgdata=/data --username=alumni --pwfile=/tmp/password --auth-local=trust \
    --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
  rm /tmp/password
  echo "host all all all scram-sha-256" >> /data/pg_hba.conf
  echo "create database $POSTGRES_DB" | "$bin/postgres" --single -D /data postgres >/dev/null
fi
exec "$bin/postgres" -D /data -c listen_addresses='*' -c unix_socket_directories=/tmp
