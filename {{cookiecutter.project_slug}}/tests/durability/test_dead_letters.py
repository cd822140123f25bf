"""Whatever ends a task for good, it stands in one table, and can be sent again."""

import re
from typing import Any

import pytest

from .checker import Account
from .shop import Shop

pytestmark = pytest.mark.broker

#: How each task ends, and how its dead letter begins.
ENDS = {
    "fail.delay('bug', 'bug')": "LookupError: bug",
    "give_up.delay('spent')": "TransientError: spent",
    "hang.apply_async(['soft', True], soft_time_limit=1, time_limit=20)": "SoftTimeLimitExceeded",
    "collect.apply_async(['dropped'], soft_time_limit=1, time_limit=20)": "SoftTimeLimitExceeded",
    "hang.apply_async(['hard'], soft_time_limit=1, time_limit=2)": "TimeLimitExceeded",
    "fail.delay('rejected', 'reject')": "Reject",
    "give_up.delay('lost', killed=True)": "WorkerLostError",
    "app.send_task('nobody.knows', ['unknown'], queue='default')": "NotRegistered",
    "send_garbage('unreadable')": "DecodeError",
}

SEND = """
from config import celery_app as app

def send_garbage(text):
    with app.producer_or_acquire() as producer:
        producer.publish(
            text, routing_key="default", exchange=app.conf.task_default_exchange,
            content_type="application/json", content_encoding="utf-8", headers={"task": note.name, "id": text},
        )
"""


def test_every_end_stands_in_the_table(shop: Shop) -> None:
    """Tasks that end in all ways: an exception, spent retries, the soft limit, also if Python drops it, the hard one,
    a rejection, a lost child, a name that the worker does not know, a message that nobody can read.

    Promise: each has one dead letter, with its name, its arguments and why; the worker goes on.
    """
    shop.worker()
    shop.run(SEND + "\n".join([*ENDS, "note.delay('after')"]))
    letters = shop.letters(len(ENDS))
    shop.drain({"after"}, "note")
    found = entries_in(letters)
    assert len(letters) == len(ENDS)
    for call, exception in ENDS.items():
        letter = found[entry_of(call)]
        assert letter["exception"].startswith(exception), call
        assert (letter["queue"], letter["state"]) == ("default", "waiting"), call
    assert all(found[entry]["task_name"] for entry in found)
    assert "LookupError" in found["bug"]["traceback"]
    assert found["spent"]["attempts"] == found["lost"]["attempts"] == 2
    assert found["rejected"]["task_name"] == "tests.durability.ledger.fail"
    account = Account.of({entry_of(call) for call in ENDS}, found)
    shop.prove("whatever ends a task, it stands in the table", account)


def entries_in(letters: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return dead letters by their entry: the first argument or, unreadable, what the message held."""
    return {letter["arguments"].strip('[]"').partition('"')[0]: letter for letter in letters}


def entry_of(call: str) -> str:
    """Return the entry in a call: its first quoted word that is no name of a task or queue."""
    words: list[str] = re.findall(r"'([\w.]+)'", call)
    return next(word for word in words if word not in {"nobody.knows", "default"})


@pytest.mark.slow
def test_poison_is_set_aside_and_replayed(shop: Shop) -> None:
    """A task that kills its whole worker, which is started again each time, and others beside it.

    Promise: after the delivery limit it is a dead letter, and the worker lives. The others are executed, but for those
    that were in the same worker's hands each time: these are dead letters too. A replay sends them all once more, with
    the same arguments.
    """
    limit = 2
    shop.change_deaths(limit)
    shop.worker(restarts=True)
    others = {f"n{number}" for number in range(8)}
    shop.run(f"die.delay('poison', whole_worker=True, lives={limit + 1}); [note.delay(entry) for entry in {others}]")

    shop.wait_for("poison", lambda: "poison" in entries_in(shop.letters()), 120)
    letter = entries_in(shop.letters())["poison"]
    assert letter["exception"].startswith("WorkerLostError: Its worker died each time it was delivered")
    assert shop.counted("begin") == {"poison": limit + 1}
    shop.wait_for("the others", lambda: others <= {*shop.counted("note"), *entries_in(shop.letters())})

    replayed = shop.project.manage("dead_letters", "replay", "--all")
    assert replayed.count("replayed as") == len(shop.letters())
    shop.drain(others, "note")
    shop.drain({"poison"}, "end")
    account = Account.of(others | {"poison"}, [*shop.counted("note").elements(), *shop.counted("end").elements()])
    shop.prove("poison ends in the dead letters and replays", account)
    assert shop.counted("end") == {"poison": 1}
