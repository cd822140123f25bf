"""`make dev`: all processes of the Procfile, with reload, on the broker of .env or, failing that, a private one."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import environ
from kombu import Connection
from kombu.exceptions import KombuError

from .brokers import Redis, is_free
from .project import ROOT

#: Seconds to wait for the broker's answer.
TIMEOUT = 2


def main() -> int:
    """Run until Ctrl-C; return honcho's exit code."""
    environ.Env.read_env(ROOT / ".env")
    # honcho gives PORT to the process of the Procfile's first line.
    env = {"PORT": "8000", "FLOWER_PORT": "5555"} | os.environ
    env |= {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "PYTHONUNBUFFERED": "1",
        # The Procfile's commands are this environment's, whether or not it is activated.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    for name, port in (("PORT", env["PORT"]), ("FLOWER_PORT", env["FLOWER_PORT"])):
        if not is_free(int(port)):
            print(f"Port {port} is in use. Choose another: {name}={int(port) + 1} make dev", file=sys.stderr)
            return 1
    with ExitStack() as stack:
        if why := refusal(env["CELERY_BROKER_URL"]) or refusal(env["REDIS_URL"]):
            redis = stack.enter_context(Redis())
            env |= {"CELERY_BROKER_URL": redis.url, "REDIS_URL": redis.url}
            print(f"{why}\nSo a private Redis serves this session, and is gone after it. For another terminal:\n")
            print(f"    export CELERY_BROKER_URL={redis.url} REDIS_URL={redis.url}\n", flush=True)
        # The terminal sends Ctrl-C to honcho as well, which stops its processes; the broker is stopped after them.
        command = [sys.executable, "-m", "honcho", "--env", os.devnull, "start"]
        honcho = subprocess.Popen(command, env=env, cwd=ROOT)
        for signum in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, lambda *_: honcho.terminate())
        while True:
            try:
                return honcho.wait()
            except KeyboardInterrupt:
                continue


def refusal(url: str) -> str:
    """Return why a broker or a Redis does not let us in at this URL, or nothing if it does."""
    with Connection(url, connect_timeout=TIMEOUT) as connection:
        failures: Any = (OSError, KombuError, *connection.connection_errors, *connection.channel_errors)
        try:
            connection.ensure_connection(max_retries=1, timeout=TIMEOUT)
        except failures as error:
            return f"{connection.as_uri()}: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
