"""A message that kills whoever takes it. The task is `shrink(photo)`: it calls `make_smaller`."""

from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

from .photos import PHOTOS, POISON

#: More than enough for what will not pass by itself.
ENOUGH = 3
#: Seconds in which a poisonous message ought to be out of the way. A worker notices a child's death within five.
GIVEN_UP = 14


def play(stage: Stage, tasks: Any) -> Outcome:
    """Send all photos, and follow the poisonous one until it is a dead letter, or has had its time."""
    from {{ cookiecutter.project_slug }}.tasking.dead_letters.collector import (  # noqa: PLC0415 - Django is ready only now
        collect,
    )
    from {{ cookiecutter.project_slug }}.tasking.models import DeadLetter  # noqa: PLC0415

    def tries() -> int:
        return len([each for each in notes("opened") if each.entry == str(POISON)])

    def settled() -> bool:
        # What the schedule does in the project.
        collect()
        return DeadLetter.objects.exists() or tries() > ENOUGH

    stage.start_workers()
    for photo in range(PHOTOS):
        tasks.shrink.delay(photo)
    others = PHOTOS - 1
    stage.give_time(lambda: len({each.entry for each in notes("smaller")}) == others, GIVEN_UP)
    stage.give_time(settled, GIVEN_UP)

    smaller = len({each.entry for each in notes("smaller")})
    letters = DeadLetter.objects.count()
    outcome = Outcome(
        figures={
            "photos": str(PHOTOS),
            "made smaller": str(smaller),
            "tries for the poisonous one": str(tries()),
            "dead letters": str(letters),
        },
        chart_title="tries",
        chart=[Bar("other photos", len(notes("opened")) - tries()), Bar("the poisonous one", tries())],
    )
    if not letters:
        outcome.broken.append(f"after {tries()} tries the message goes round still, and no person knows of it.")
    if tries() > ENOUGH:
        outcome.broken.append(f"it was tried {tries()} times, and killed a process each time.")
    if smaller < others:
        outcome.broken.append(f"{others - smaller} harmless photos were not made smaller.")
    return outcome
