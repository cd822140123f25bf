"""The checker of the proofs: it sees what is lost, and allows what at-least-once delivery allows."""

import pytest

from tests.durability.checker import Account
from tests.durability.shop import TABLE_HEAD, table_line


def test_all_is_well() -> None:
    account = Account.of(["a", "b"], ["b", "a"])
    assert (account.lost, account.unexpected, account.phantoms, account.duplicates) == (set(), set(), set(), 0)
    assert account.attempted == account.acknowledged == {"a", "b"}


def test_nothing_was_sent() -> None:
    account = Account.of([], [])
    assert (account.lost, account.unexpected, account.phantoms, account.duplicates) == (set(), set(), set(), 0)


def test_acknowledged_and_never_executed_is_lost() -> None:
    assert Account.of(["a", "b", "c"], ["b"]).lost == {"a", "c"}


def test_attempted_in_vain_and_never_executed_is_not_lost() -> None:
    account = Account.of(["a"], ["a"], attempted=["b"])
    assert account.attempted == {"a", "b"}
    assert (account.lost, account.phantoms) == (set(), set())


def test_executed_though_the_attempt_failed_is_a_phantom_and_not_unexpected() -> None:
    account = Account.of(["a"], ["a", "b"], attempted=["b", "c"])
    assert account.phantoms == {"b"}
    assert account.unexpected == set()


def test_an_attempt_that_succeeded_the_second_time_is_no_phantom() -> None:
    assert Account.of(["a"], ["a", "a"], attempted=["a"]).phantoms == set()


def test_executed_though_nobody_sent_it_is_unexpected() -> None:
    account = Account.of(["a"], ["a", "x"])
    assert account.unexpected == {"x"}
    assert account.phantoms == set()


@pytest.mark.parametrize(("executed", "duplicates"), [("ab", 0), ("aab", 1), ("aaabbb", 4), ("", 0)])
def test_executions_beyond_the_first_are_duplicates(executed: str, duplicates: int) -> None:
    assert Account.of("ab", executed).duplicates == duplicates


def test_sent_twice_counts_once() -> None:
    account = Account.of(["a", "a"], ["a"])
    assert len(account.acknowledged) == 1
    assert account.lost == set()


def test_a_line_of_the_table() -> None:
    assert [line.count("|") for line in TABLE_HEAD] == [8, 8]
    lost = table_line("loses nothing", "redis", Account.of("abc", "aab", attempted="d"), 2.04)
    assert lost == "| loses nothing | redis | 3 | 2 | 1 | 1 | 2.0 s |"
    well = table_line("runs once", "rabbitmq", Account.of("a", "a"), None)
    assert well == "| runs once | rabbitmq | 1 | 1 | 0 | 0 |  |"
