"""`make dev`: all processes of the Procfile, with reload, on the broker of .env or, failing that, a private one."""

import os
import subprocess
import sys
from contextlib import ExitStack

import environ
from kombu import Connection

from .brokers import Redis
from .project import ROOT

PORT = "8000"
#: Seconds to wait for the broker's answer.
TIMEOUT = 2


def main() -> int:
    """Run until Ctrl-C; return honcho's exit code."""
    environ.Env.read_env(ROOT / ".env")
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.local", "PYTHONUNBUFFERED": "1"}
    with ExitStack() as stack:
        if not (answers(env["CELERY_BROKER_URL"]) and answers(env["REDIS_URL"])):
            redis = stack.enter_context(Redis())
            env |= {"CELERY_BROKER_URL": redis.url, "REDIS_URL": redis.url}
            print("The broker of .env does not answer: a private Redis serves this session, and is gone after it.")
        # The terminal sends Ctrl-C to honcho as well, which stops its processes; the broker is stopped after them.
        command = [sys.executable, "-m", "honcho", "--env", os.devnull, "--port", PORT, "start"]
        honcho = subprocess.Popen(command, env=env, cwd=ROOT)
        while True:
            try:
                return honcho.wait()
            except KeyboardInterrupt:
                continue


def answers(url: str) -> bool:
    """Whether a broker or a Redis lets us in at this URL."""
    try:
        with Connection(url, connect_timeout=TIMEOUT) as connection:
            connection.ensure_connection(max_retries=1, timeout=TIMEOUT)
    except OSError:
        return False
    except connection.connection_errors:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
