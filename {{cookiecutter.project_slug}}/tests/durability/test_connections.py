"""Connections that are cut, go silent or outstay their welcome: workers come back to work by themselves."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from sandbox.brokers import RabbitMQ
from sandbox.proxy import Proxy

from .checker import Account
from .shop import Shop

pytestmark = [pytest.mark.broker, pytest.mark.slow]

#: Seconds within which a worker behind a half-open connection works again.
HALF_OPEN = 60

#: Sends a note every tenth of a second until it is told to stop.
SENDER = """
number = 0
with connect() as client:
    while not client.exists("stop"):
        note.delay("n%d" % number)
        write("sent", "n%d" % number)
        number += 1
        time.sleep(0.1)
write("stopped", "sender")
"""


@contextmanager
def behind_a_proxy(shop: Shop) -> Iterator[Proxy]:
    """Have the processes that are started reach the broker through a proxy."""
    environment, direct = shop.project.environment, shop.broker.url
    with Proxy(shop.broker.port) as proxy:
        environment["CELERY_BROKER_URL"] = re.sub(r":\d+/", f":{proxy.port}/", direct)
        yield proxy
        environment["CELERY_BROKER_URL"] = direct
        shop.kill(next(name for name in shop.project.processes if name.startswith("worker")))


def test_a_half_open_connection_heals(shop: Shop) -> None:
    """A worker is connected through a proxy, which goes silent: no end, no error, no answer, as when a firewall forgets
    a connection. Before, at that moment and after it tasks are sent on another way.

    Promise: within 60 s the worker executes again, without being restarted; nothing is lost.
    """
    with behind_a_proxy(shop) as proxy:
        shop.change_redis(visibility_timeout=5)
        shop.worker()
        shop.project.environment["CELERY_BROKER_URL"] = shop.broker.url
        shop.start("-c", shop.command(SENDER)[-1], name="sender")
        shop.wait_for_notes("note", 10)
        assert proxy.silence() > 0
        silent = time.time()
        # What the worker had already when silence fell is done in the first second.
        shop.wait_for("work again", lambda: any(note.at > silent + 1 for note in shop.notes("note")), 2 * HALF_OPEN)
        again = next(note.at for note in shop.notes("note") if note.at > silent + 1)
        shop.ledger.set("stop", 1)
        shop.wait_for_notes("stopped", 1)
        sent = set(shop.counted("sent"))
        shop.drain(sent, "note")
        account = Account.of(sent, shop.counted("note").elements())
        shop.prove("a half-open connection heals", account, again - silent)
        assert again - silent < HALF_OPEN


def test_a_broker_that_restarts_under_load_loses_nothing(shop: Shop) -> None:
    """Tasks of all kinds - short, retried, chains, a chord - while the broker is stopped and started.

    Promise: all are executed, every chain to its end and the chord's body once; on Redis too without waiting for the
    visibility timeout.
    """
    shop.worker()
    shop.run("""
for number in range(100):
    work.delay("w%d" % number, 0.1)
for number in range(30):
    retried.delay("r%d" % number)
for number in range(20):
    chain(note.si("a%d" % number), note.si("b%d" % number), note.si("c%d" % number)).apply_async()
chord([part.s("p%d" % number) for number in range(10)], body.s("chord")).apply_async()
""")
    shop.wait_for_notes("end", 20)
    shop.broker.stop()
    shop.broker.start()
    back = time.time()
    entries = {f"w{number}" for number in range(100)} | {f"r{number}" for number in range(30)}
    entries |= {f"{step}{number}" for step in "abc" for number in range(20)}
    shop.drain(entries, "end", "note", seconds=120)
    shop.wait_for("the chord", lambda: shop.notes("body"))
    again = min(note.at for note in shop.notes("end", "note") if note.at > back)
    executed = [note.entry for note in shop.notes("end", "note") if not note.entry.startswith("p")]
    shop.prove("a broker restarts under load", Account.of(entries, executed), again - back)
    assert "Signal handler" not in "".join(log.read_text() for log in shop.folder.glob("*.log")), "one of ours raised"
    (done,) = shop.notes("body")
    assert done.entry == "chord=" + "+".join(sorted(f"p{number}" for number in range(10)))


def test_a_full_redis_is_emptied(redis_shop: Shop) -> None:
    """Redis has no memory left while tasks wait, and refuses whatever would take more.

    Promise: the worker stays and does what waits, so that there is room again, and then what is sent next.
    """
    shop = redis_shop
    shop.worker()
    charges = {f"c{number}" for number in range(12)}
    shop.run("for number in range(12): charge.delay(f'c{number}', 0.2)")
    with redis.Redis.from_url(shop.broker.url) as client:

        def is_empty() -> bool:
            return not client.exists(DEFAULT, "unacked")

        refused = client.info("errorstats").get("errorstat_OOM", {"count": 0})["count"]
        client.config_set("maxmemory", 1)
        try:
            assert not is_empty()
            shop.wait_for("nothing waits or is held", is_empty)
            # By now the worker waits for the next one.
            shop.wait_for("refusals", lambda: client.info("errorstats")["errorstat_OOM"]["count"] > refused + 1)
        finally:
            client.config_set("maxmemory", 0)
    shop.run("charge.delay('after', 0)")
    shop.drain({"after"}, "end")
    shop.prove("a full Redis", Account.of(charges | {"after"}, shop.effects()))


def test_an_exceeded_consumer_timeout_loses_nothing(rabbitmq_shop: Shop, rabbitmq_server: RabbitMQ) -> None:
    """RabbitMQ is told to wait five seconds for an acknowledgement, and a task takes longer; then it is told better.

    Celery ends a worker whose channel is closed for that. Promise: the worker that is started in its place, here as by
    a container's restart policy, gets the task again, and its effect stands once.
    """
    shop = rabbitmq_shop
    patient = rabbitmq_server.ctl("eval", "application:get_env(rabbit, consumer_timeout, undefined).").strip()

    def wait(milliseconds: str) -> None:
        rabbitmq_server.ctl(
            "eval",
            f"application:set_env(rabbit, consumer_timeout, {milliseconds}),"
            "application:set_env(rabbit, channel_tick_interval, 1000).",
        )

    wait("5000")
    try:
        shop.worker(restarts=True)
        shop.run("charge.delay('slow', 12)")
        shop.wait_for_notes("begin", 2)
    finally:
        wait("1800000" if "ok" not in patient else re.findall(r"\d+", patient)[0])
    shop.drain({"slow"}, "end", seconds=90)
    effects = shop.effects()
    shop.prove("an exceeded consumer timeout", Account.of({"slow"}, effects))
    assert effects == ["slow"]
