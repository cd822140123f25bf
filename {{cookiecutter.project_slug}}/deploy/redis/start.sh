#!/bin/sh
# Start Redis with a password from the environment; it stands in no list of processes, and in memory only.
set -eu
umask 077
{
    cat /etc/redis/redis.conf
    printf 'requirepass "%s"\n' "$REDIS_PASSWORD"
} >/tmp/redis.conf
if [ "$(id -u)" = 0 ]; then chown redis /tmp/redis.conf; fi
unset REDIS_PASSWORD
exec docker-entrypoint.sh redis-server /tmp/redis.conf
