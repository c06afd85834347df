#!/bin/sh
# The bucket is a folder. The key reaches rclone by its environment: a command line is for everybody to read.
set -eu
mkdir -p "/data/$R2_BUCKET"
# In quotes, because it is read as a list of keys.
export RCLONE_AUTH_KEY="\"$R2_ACCESS_KEY_ID,$R2_SECRET_ACCESS_KEY\""
exec /opt/files/bin/rclone serve s3 --addr :9000 --vfs-cache-mode off /data
