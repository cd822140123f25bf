"""Chords that end whatever becomes of their parts: with their body or with their errback, and once."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import pytest
import redis

from {{ cookiecutter.project_slug }}.tasking.transport import RESULTS

from .checker import Account
from .shop import SOON, Shop

pytestmark = [pytest.mark.broker, pytest.mark.slow]

#: How often a message that kills its worker is delivered again, instead of the project's own number.
DELIVERY_LIMIT = 2

#: What a part may die of for good, without its worker.
DEATHS = {
    "exception": "fail.si(entry, 'bug')",
    "retries-spent": "give_up.si(entry)",
    "rejected": "fail.si(entry, 'reject')",
    "hard-limit": "hang.si(entry).set(soft_time_limit=1, time_limit=2)",
    "soft-limit": "hang.si(entry, heed_soft_limit=True).set(soft_time_limit=1, time_limit=30)",
    "child-killed-at-each-try": "give_up.si(entry, killed=True)",
    "expired": "part.si(entry).set(expires=-1)",
    "unknown-task": "part.app.signature('nobody.knows', (entry,), immutable=True)",
}

#: Where a chord may stand in a workflow, of whose parts one fails.
SHAPES = {
    "alone": "chord([good, bad], body.s(entry))",
    "with-two-failures": "chord([good, bad, fail.si(entry, 'bug')], body.s(entry))",
    "in-a-chain": "chain(note.si(entry), chord([good, bad], body.s(entry)), note.si(entry))",
    "last-in-a-chain": "chain(note.si(entry), chord([good, bad], body.s(entry)))",
    "with-a-chain-as-its-body": "chord([good, bad], chain(body.s(entry), note.si(entry)))",
    "in-the-place-of-a-task": "chain(expand.si(entry), note.si(entry))",
    "before-a-chord": "chain(chord([good, bad], part.si(entry)), chord([part.si(entry)], body.s(entry)))",
    "after-a-chord": "chain(chord([part.si(entry)], part.si(entry)), chord([good, bad], body.s(entry)))",
    "with-a-group-in-it": "chord([group([good, bad]), part.si(entry)], body.s(entry))",
    "with-a-chord-in-it": "chord([chord([good, bad], part.si(entry)), part.si(entry)], body.s(entry))",
    "with-a-chain-in-it": "chord([chain(bad, part.si(entry)), good], body.s(entry))",
}


def send(shop: Shop, workflows: Mapping[str, str]) -> None:
    """Send workflows, given as code, by their entry. An errback is attached to each as the project does it."""
    shop.run(
        "\n".join(
            f"entry = {entry!r}; good, bad = part.si(entry), fail.si(entry, 'bug'); "
            f"({workflow}).on_error(errback.si(entry)).delay()"
            for entry, workflow in workflows.items()
        )
    )


def beside_three(bad: str) -> str:
    """Return a chord of three parts and a bad one."""
    return f"chord([part.si('%s.%d' % (entry, number)) for number in range(3)] + [{bad}], body.s(entry))"


def ends(shop: Shop) -> Counter[str]:
    """Return how often each workflow came to an end, as `entry body` or `entry errback`."""
    return Counter(f"{note.entry.partition('=')[0]} {note.kind}" for note in shop.notes("body", "errback"))


def open_chords(shop: Shop) -> list[str]:
    """Return the chords that are still counting."""
    with redis.Redis.from_url(shop.results.database_url(RESULTS)) as client:
        return [key.decode() for key in client.scan_iter("*.s")]


def account(shop: Shop, expected: set[str]) -> Account:
    """Wait until these ends have come, and whatever was queued behind them; return the account, without duplicates."""
    with suppress(TimeoutError):  # the checker tells what is missing
        shop.wait_for("the ends", lambda: expected <= ends(shop).keys(), 2 * SOON)
    shop.run("note.delay('last')")
    shop.drain({"last"}, "note")
    found = Account.of(expected, ends(shop).elements())
    assert found.duplicates == 0
    assert open_chords(shop) == []
    return found


def done_at_least(shop: Shop, count: int) -> bool:
    """Whether so many different parts are done."""
    return len(shop.counted("note")) >= count


def test_a_chord_ends_whatever_a_part_dies_of(shop: Shop) -> None:
    """A chord for each way in which one of four parts may die for good without its worker, and one whose part kills its
    process once.

    Promise: for each, the errback is called once and the body never; for the last, the body once with all parts.
    """
    shop.worker()
    bad = DEATHS | {"child-killed-once": "die.si(entry, lives=1)"}
    send(shop, {entry: beside_three(code) for entry, code in bad.items()})
    # What expires before a worker has it, RabbitMQ puts among the dead letters, whose collector tells the chord.
    shop.wait_for("the expired one", lambda: shop.letters() and ends(shop)["expired errback"])
    found = account(shop, {f"{entry} errback" for entry in DEATHS} | {"child-killed-once body"})
    shop.prove("a chord ends, once, whatever a part dies of", found)


def test_a_chord_ends_when_a_part_kills_its_worker(shop: Shop) -> None:
    """A chord whose part kills its whole worker once; then one whose part kills each worker that it is given to.

    Promise: the first ends with its body, once. The other's part is given up at the delivery limit, and when the
    dead letters are collected, the errback is called, once.
    """
    shop.change_deaths(DELIVERY_LIMIT)
    shop.worker(restarts=True)
    send(shop, {"once": beside_three("die.si(entry, whole_worker=True, lives=1)")})
    shop.wait_for("the body", lambda: ends(shop)["once body"])
    # Later than the others, which would share its fate if they were at work at each death.
    send(shop, {"each": beside_three("die.si(entry, whole_worker=True).set(countdown=1)")})
    assert [letter["task_name"] for letter in shop.letters(seconds=2 * SOON)] == ["tests.durability.ledger.die"]
    assert shop.counted("begin")["each"] == 1 + DELIVERY_LIMIT
    found = account(shop, {"once body", "each errback"})
    shop.prove("a chord ends, once, when a part kills its worker", found)


def test_an_errback_is_called_once_in_every_shape_of_workflow(shop: Shop) -> None:
    """Workflows with a chord of which a part fails, in each shape that the Canvas allows.

    Promise: the errback is called once, not for each part nor never, and knows the id of a part that failed.
    """
    shop.worker()
    send(shop, SHAPES)
    found = account(shop, {f"{entry} errback" for entry in SHAPES})
    failed = {letter["task_id"] for letter in shop.letters(len(SHAPES))}
    told = dict(note.entry.split("=") for note in shop.notes("errback"))
    # In these two the part is the last task of what stands in the chord, which did not come to run.
    del told["with-a-chain-in-it"], told["with-a-chord-in-it"]
    assert set(told.values()) <= failed
    shop.prove("an errback is called once in every shape of workflow", found)


def test_a_part_that_is_done_twice_counts_once(shop: Shop) -> None:
    """A chord of 20 parts. The worker dies when one is counted and not acknowledged. Then, three times in mid-work, the
    broker closes all connections; on Redis, those of the results too.

    Promise: the body runs once and is given each of the 20 once.
    """
    shop.change_deaths()
    shop.worker(restarts=True)
    parts = {f"p{number}" for number in range(20)}
    others = "[part.si('p%d' % number, 0.3) for number in range(1, 20)]"
    send(shop, {"of-twenty": f"chord([counted.si('p0')] + {others}, body.s(entry))"})
    for done in (6, 10, 14):
        shop.wait_for("mid-work", partial(done_at_least, shop, done))
        shop.cut_connections()
    assert account(shop, {"of-twenty body"}).lost == set()
    assert {note.entry for note in shop.notes("body")} == {f"of-twenty={'+'.join(sorted(parts))}"}
    found = Account.of(parts | {"last"}, shop.counted("note").elements())
    assert found.duplicates > 0
    shop.prove("a part of a chord that is done twice counts once", found)


def test_a_part_that_is_at_its_soft_limit_when_it_ends(shop: Shop) -> None:
    """A chord whose parts have a soft limit of a second. They are done at once; to send the body takes two seconds.

    Promise: the body runs, once, and the errback never.
    """
    worker = shop.worker()
    send(shop, {"late": "chord([part.si(entry).set(soft_time_limit=1)] * 3, slow_body.s(entry))"})
    shop.wait_for("the chord's end", lambda: ends(shop) and not open_chords(shop))
    shop.prove("a part is at its soft limit when it ends", account(shop, {"late body"}))
    assert "Soft time limit (1s) exceeded" in shop.project.log(worker).read_text()


def test_a_chord_ends_though_who_was_to_send_its_body_dies(shop: Shop) -> None:
    """Two chords. The process that has counted the last part is killed before it sends the body; then the whole worker.

    Promise: both bodies run, once.
    """
    shop.change_deaths()
    # The claim to send a body is held for as long as that may take: here for 6 s.
    shop.change(
        CELERY_RESULT_CHORD_JOIN_TIMEOUT=1,
        CELERY_BROKER_CONNECTION_TIMEOUT=2,
        CELERY_TASK_PUBLISH_RETRY_POLICY={"max_retries": 1},
    )
    shop.worker(restarts=True)
    send(shop, {"child": "chord([part.si(entry), part.si(entry)], late_body.s(entry, False))"})
    shop.wait_for("the body", lambda: ends(shop)["child body"])
    send(shop, {"worker": "chord([part.si(entry), part.si(entry)], late_body.s(entry, True))"})
    found = account(shop, {"child body", "worker body"})
    assert shop.ledger.get("deaths:child") == shop.ledger.get("deaths:worker") == "2"
    shop.prove("a chord ends, once, though who was to send its body dies", found)
