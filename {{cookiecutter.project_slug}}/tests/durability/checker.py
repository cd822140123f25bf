"""The checker of a queue, after Jepsen's total queue: what was put in must come out, and nothing else.

Source: K. Kingsbury, "Jepsen: RabbitMQ", 2014; the invariants are those of its `total-queue`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Account:
    """What became of the messages of one test, by an entry that stands for each.

    `attempted`: somebody tried to send them; `acknowledged`: the call returned, so they count; `executed`: they ran.
    """

    attempted: frozenset[str]
    acknowledged: frozenset[str]
    executed: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, sent: Iterable[str], executed: Iterable[str], attempted: Iterable[str] = ()) -> "Account":
        """Return the account of entries; without `attempted`, no attempt failed."""
        acknowledged = frozenset(sent)
        return cls(acknowledged | frozenset(attempted), acknowledged, Counter(iter(executed)))

    @property
    def lost(self) -> set[str]:
        """Acknowledged and never executed: what must not be."""
        return set(self.acknowledged - self.executed.keys())

    @property
    def unexpected(self) -> set[str]:
        """Executed though nobody sent it: what must not be either."""
        return set(self.executed.keys() - self.attempted)

    @property
    def phantoms(self) -> set[str]:
        """Executed though the sender was told that it failed: allowed, for nobody can tell."""
        return set(self.executed.keys() & (self.attempted - self.acknowledged))

    @property
    def duplicates(self) -> int:
        """Executions beyond each entry's first: allowed, for delivery is at least once."""
        return self.executed.total() - len(self.executed)
