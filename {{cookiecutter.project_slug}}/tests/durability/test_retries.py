"""Retries and delays: nobody waits behind them, they are spread, they end, and none is lost."""

from collections import Counter

import pytest

from .checker import Account
from .shop import Note, Shop

pytestmark = [pytest.mark.broker, pytest.mark.slow]

#: Seconds on top of a delay: to be delivered, and to wait for a child of the worker.
SCHEDULING = 5

#: What `flaky` states: retries, and before each the longest wait in seconds.
LONGEST_WAITS = [4, 8, 8]

#: Sends what is due in less than a second, in each way there is, for entries that begin with `prefix`.
SHORT_DELAYS = """
from datetime import UTC, datetime, timedelta
note.apply_async((prefix + '-countdown',), countdown=0.5)
note.apply_async((prefix + '-eta',), eta=datetime.now(UTC) + timedelta(seconds=0.5))
come_back.delay(prefix + '-retry', 0.3)
"""


def by_entry(shop: Shop, kind: str) -> dict[str, Note]:
    """Return the notes of a kind by their entry."""
    return {note.entry: note for note in shop.notes(kind)}


def test_a_retry_delay_blocks_nobody(shop: Shop) -> None:
    """40 tasks wait 30 s for their retry, ten times what the worker holds; then 20 others are sent.

    Promise: each of those is executed within 5 s; the figure in the table is the longest time. The 40 come back.
    """
    shop.worker()
    waiting, others = {f"waiting{number}" for number in range(40)}, {f"other{number}" for number in range(20)}
    shop.run(f"for entry in {waiting}: come_back.delay(entry, 30)")
    shop.drain(waiting, "try0")
    shop.run(f"for entry in {others}: write('sent', entry); note.delay(entry)")
    shop.drain(others, "note")
    assert not shop.notes("try1")
    sent, executed = by_entry(shop, "sent"), by_entry(shop, "note")
    longest = max(executed[entry].at - sent[entry].at for entry in others)

    shop.drain(waiting, "try1")
    first, second = by_entry(shop, "try0"), by_entry(shop, "try1")
    account = Account.of(waiting | others, shop.counted("note", "try1").elements())
    shop.prove("a retry's delay blocks nobody", account, longest)
    assert longest < 5
    assert all(29 <= second[entry].at - first[entry].at <= 30 + SCHEDULING for entry in waiting)


def test_retries_are_spread_and_end(shop: Shop) -> None:
    """100 tasks fail in a way that may pass, with three retries; 20 fail by a bug.

    Promise: the 100 are tried four times each, and wait at most 4, 8 and, by their maximum, 8 s in between. Their first
    retries are spread over those 4 s: no second has more than half of them. The 20 are tried once.
    """
    shop.worker()
    flaky, bugs = {f"flaky{number}" for number in range(100)}, {f"bug{number}" for number in range(20)}
    shop.run(f"for entry in {flaky}: flaky.delay(entry)\nfor entry in {bugs}: fail.delay(entry, 'bug')")
    kinds = [f"try{number}" for number in range(1 + len(LONGEST_WAITS))]
    shop.drain(bugs, kinds[0])
    shop.drain(flaky, kinds[-1])
    # The last try is the last: each has failed for good.
    letters = shop.letters(len(flaky | bugs))
    assert Counter(letter["attempts"] for letter in letters) == {len(kinds): len(flaky), 1: len(bugs)}
    assert shop.counted(*kinds) == Counter(dict.fromkeys(flaky, len(kinds)) | dict.fromkeys(bugs, 1))

    for number, longest in enumerate(LONGEST_WAITS):
        before, after = by_entry(shop, f"try{number}"), by_entry(shop, f"try{number + 1}")
        waits = [after[entry].at - before[entry].at for entry in flaky]
        assert max(waits) <= longest + SCHEDULING
    seconds = Counter(int(note.at) for note in shop.notes("try1"))
    assert max(seconds.values()) <= len(flaky) / 2
    shop.prove("retries are spread, and they end", Account.of(flaky | bugs, shop.counted("try0").elements()))


def test_a_delay_of_less_than_a_second_is_a_delay(shop: Shop) -> None:
    """A countdown, an ETA and a retry that are less than a second away, before the first worker ever started and after.

    Promise: none raises, which RabbitMQ's own delays would, and none is lost.
    """
    shop.run(f"prefix = 'early'; {SHORT_DELAYS}")
    shop.worker()
    shop.run(f"prefix = 'late'; {SHORT_DELAYS}")
    entries = {f"{when}-{how}" for when in ("early", "late") for how in ("countdown", "eta", "retry")}
    shop.drain(entries, "note", "try1")
    account = Account.of(entries, shop.counted("note", "try1").elements())
    shop.prove("a delay of less than a second is not lost", account)


def test_a_long_delay_ends_once(shop: Shop) -> None:
    """A task with a countdown of 15 s, where Redis takes a worker for dead after 5; a worker is killed meanwhile.

    Promise: it is executed once, when it is due: no worker holds it until then.
    """
    shop.change_deaths(delivery_limit=2)
    worker = shop.worker()
    shop.run("write('sent', 'later'); note.apply_async(['later'], countdown=15); note.delay('now')")
    shop.drain({"now"}, "note")
    shop.kill(worker)
    shop.worker()
    shop.drain({"now", "later"}, "note")
    sent, executed = by_entry(shop, "sent")["later"], by_entry(shop, "note")["later"]
    account = Account.of({"now", "later"}, shop.counted("note").elements())
    shop.prove("a long delay ends once", account)
    assert 15 <= executed.at - sent.at < 15 + SCHEDULING
    assert account.duplicates == 0
