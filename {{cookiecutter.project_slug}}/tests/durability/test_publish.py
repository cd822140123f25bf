"""What a sender was told is sent: it arrives, whatever becomes of the broker; and a sender waits for nobody."""

import time
from contextlib import suppress

import pytest

from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL

from .checker import Account
from .shop import Note, Shop

pytestmark = pytest.mark.broker

#: Sends notes until it is told to stop, so many at once, and writes down each attempt and each call that returned.
PUBLISHER = """
from celery import group

number = 0
with connect() as client:
    while not client.exists("stop"):
        entries = ["p%%d" %% entry for entry in range(number, number + %(at_once)d)]
        for entry in entries:
            write("attempted", entry)
        try:
            group(note.s(entry) for entry in entries).apply_async()
            for entry in entries:
                write("acknowledged", entry)
        except Exception as error:
            print(repr(error), flush=True)
        number += len(entries)
write("stopped", "publisher")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "at_once"),
    [("kill", 1), ("stop", 1), ("kill", 150), ("stop", 150)],
    ids=["kill", "stop", "kill-groups", "stop-groups"],
)
def test_no_acknowledged_publish_is_lost(shop: Shop, fault: str, at_once: int) -> None:
    """A process publishes without a pause, one task at a time or groups of them; the broker hangs and is killed, or is
    stopped in good order, and comes back.

    Promise: every message of which the sender was told that it is sent is executed. Phantoms - the sender saw an error,
    and the message is there - are allowed. An orderly restart is sat out: no sender sees an error.
    """
    shop.start("-c", shop.command(PUBLISHER % {"at_once": at_once})[-1], name="publisher")
    # RabbitMQ 3.10 has a new quorum queue on its disk for good after half a second: killed before, it finds no leader.
    shop.wait_for("two seconds of publishing", lambda: span(shop.notes("acknowledged")) > 2)
    if fault == "kill":
        # What hangs takes what is sent into its sockets and no further: a sender that does not wait is told nothing.
        shop.broker.pause()
        before = len(shop.notes("attempted"))
        with suppress(TimeoutError):
            shop.wait_for("more attempts", lambda: len(shop.notes("attempted")) > before + 50, seconds=2)
        shop.broker.kill()
    else:
        shop.broker.stop()
    shop.broker.start()
    back = time.time()
    shop.wait_for("publishing", lambda: any(note.at > back for note in shop.notes("acknowledged")))
    again = next(note.at for note in shop.notes("acknowledged") if note.at > back)
    shop.wait_for("more", lambda: sum(note.at > again for note in shop.notes("acknowledged")) >= 200)
    shop.ledger.set("stop", 1)
    shop.wait_for_notes("stopped", 1)
    acknowledged = set(shop.counted("acknowledged"))
    shop.worker()
    shop.drain(acknowledged, "note", seconds=30)
    account = Account.of(acknowledged, shop.counted("note").elements(), shop.counted("attempted"))
    shop.prove(f"no acknowledged publish is lost: {fault}, {at_once} at once", account, again - back)
    assert fault == "kill" or account.acknowledged == account.attempted


def span(notes: list[Note]) -> float:
    """Return how many seconds lie between the first note and the last."""
    return notes[-1].at - notes[0].at if notes else 0


def test_a_dead_result_backend_delays_no_publish(rabbitmq_shop: Shop) -> None:
    """The Redis of the results is killed; tasks that keep no result are sent, one alone and two as a group.

    Promise: the calls return within a second, and the tasks run. Only a chord, or who waits, needs results.
    """
    shop = rabbitmq_shop
    shop.worker()
    shop.results.kill()
    took = float(
        shop.run("""
began = time.monotonic()
note.delay("alone")
group(note.s("first"), note.s("second")).apply_async()
print(time.monotonic() - began)
""")
    )
    entries = {"alone", "first", "second"}
    shop.drain(entries, "note")
    shop.prove("a dead result backend delays no publish", Account.of(entries, shop.counted("note").elements()), took)
    assert took < 1


def test_a_misspelt_queue_is_an_error_at_the_call(shop: Shop) -> None:
    """A task is sent to a queue that is not in the table. Promise: the call raises; nothing lies where nobody reads."""
    raised = shop.run("""
try:
    note.apply_async(['nowhere'], queue='deafult')
except Exception as error:
    print(type(error).__name__)
""")
    assert raised == "QueueNotFound"


@pytest.mark.slow
def test_a_click_does_not_wait_behind_bulk_work(shop: Shop) -> None:
    """1,000 tasks wait on `bulk`, with a worker at work on them; one task a moment is sent to `critical`.

    Promise: each of these begins within a second, though the bulk work takes far longer.
    """
    shop.run(f"for number in range(1000): work.apply_async(['b%d' % number, 0.05], queue={BULK!r})")
    shop.worker(BULK)
    shop.worker(CRITICAL)
    shop.wait_for("bulk work", shop.at_work)
    shop.run(f"""
for number in range(20):
    write("sent", "click%d" % number)
    note.apply_async(["click%d" % number], queue={CRITICAL!r})
    time.sleep(0.05)
""")
    clicks = set(shop.counted("sent"))
    shop.drain(clicks, "note")
    sent = {note.entry: note.at for note in shop.notes("sent")}
    waits = [note.at - sent[note.entry] for note in shop.notes("note")]
    account = Account.of(clicks, shop.counted("note").elements())
    shop.prove("a click does not wait behind bulk work", account, max(waits, default=None))
    assert max(waits) < 1
    assert len(shop.notes("end")) < 1000, "there was no bulk work left to wait behind"
