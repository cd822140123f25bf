#!/bin/sh
# Start RabbitMQ with one user, whose password comes from the environment. Where it is given definitions, it makes no
# guest. They lie in /tmp, in memory: nothing else can be written here.
set -eu
umask 077
mkdir -p /tmp/definitions
cp /etc/rabbitmq/definitions.json /tmp/definitions/20-policies.json
printf '{"users": [{"name": "{{ cookiecutter.project_slug }}", "password": "%s", "tags": ["monitoring"]}]}\n' \
    "$RABBITMQ_PASSWORD" >/tmp/definitions/10-user.json
if [ "$(id -u)" = 0 ]; then chown -R rabbitmq /tmp/definitions; fi
unset RABBITMQ_PASSWORD
exec docker-entrypoint.sh rabbitmq-server
