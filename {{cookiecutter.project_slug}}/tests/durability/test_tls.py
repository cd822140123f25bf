"""TLS: a broker and a result backend that prove who they are, and one that does not."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.proxy import Proxy

from .shop import Shop

pytestmark = pytest.mark.broker


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key in the same file."""
    path = tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=sandbox", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-keyout", path, "-out", tmp_path / "public.pem"], check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "public.pem").read_text())
    return path


@pytest.fixture
def secured(shop: Shop, certificate: Path) -> Iterator[Shop]:
    """The project, whose broker and results lie behind TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    environment = shop.project.environment
    with Proxy(shop.broker.port, tls) as broker, Proxy(shop.results.port, tls) as results:
        plain, secure = ("redis://", "rediss://") if shop.on_redis else ("amqp://", "amqps://")
        url = shop.broker.url.replace(str(shop.broker.port), str(broker.port)).replace(plain, secure)
        environment["CELERY_BROKER_URL"] = url
        url = shop.results.url.replace(str(shop.results.port), str(results.port)).replace("redis://", "rediss://")
        environment["REDIS_URL"] = url
        yield shop


def test_a_workflow_runs_by_way_of_tls(secured: Shop, certificate: Path) -> None:
    """Worker, beat's Redis and sender know the authority. Promise: a chord runs to its end."""
    secured.project.environment["SSL_CERT_FILE"] = str(certificate)
    secured.worker()
    secured.run("chord([part.s('a'), part.s('b')], body.s('done')).apply_async()")
    secured.wait_for("the chord's body", lambda: secured.notes("body"))
    beat = "from config.celery import app; from redbeat.schedulers import get_redis; print(get_redis(app).ping())"
    assert secured.run(beat) == "True"


def test_nobody_talks_to_a_stranger(secured: Shop) -> None:
    """Nobody knows the authority of the certificate. Promise: broker, results and schedule refuse to connect."""
    code = """
from config.celery import app
from redbeat.schedulers import get_redis
refused = []
for connect in (
    lambda: app.connection_for_write().ensure_connection(max_retries=1, interval_start=0),
    lambda: app.backend.client.ping(),
    lambda: get_redis(app).ping(),
):
    try:
        connect()
    except Exception as error:
        refused.append("CERTIFICATE_VERIFY_FAILED" in str(error))
print(refused)
"""
    assert secured.run(code) == "[True, True, True]"
