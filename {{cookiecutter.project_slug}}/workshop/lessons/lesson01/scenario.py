"""Customers change while their tasks wait. The module's `request_greeting(customer)` sends one task.

It notes `mailed` for `ID:ADDRESS`, and sets the customer's `greeted`.
"""

from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

CUSTOMERS = 10
MOVED = 4
#: Seconds for a worker that is ready to greet them all.
SOON = 10


def play(stage: Stage, tasks: Any) -> Outcome:
    """Send the tasks, change some addresses, and only then start the worker."""
    from workshop.models import Customer  # noqa: PLC0415 - Django is ready only now

    customers = [Customer.objects.create(email=f"customer{number}@old.example") for number in range(CUSTOMERS)]
    for customer in customers:
        tasks.request_greeting(customer)
    moved = {customer.pk: customer.email.replace("old", "new") for customer in customers[:MOVED]}
    for customer_id, email in moved.items():
        Customer.objects.filter(pk=customer_id).update(email=email)
    stage.start_workers()
    stage.give_time(lambda: Customer.objects.filter(greeted=True).count() == CUSTOMERS, SOON)

    mailed = {each.entry for each in notes("mailed")}
    expected = {f"{customer.pk}:{moved.get(customer.pk, customer.email)}" for customer in customers}
    wrong = mailed - expected
    kept = Customer.objects.filter(email__in=moved.values()).count()
    greeted = Customer.objects.filter(greeted=True).count()
    outcome = Outcome(
        figures={
            "customers": str(CUSTOMERS),
            "changed their address": str(MOVED),
            "mails to an old address": str(len(wrong)),
            "new addresses lost": str(MOVED - kept),
        },
        chart_title="mails",
        chart=[Bar("to where they are", len(mailed & expected)), Bar("to where they were", len(wrong))],
    )
    if wrong:
        outcome.broken.append(f"{len(wrong)} mails went to an address that its customer had given up.")
    if kept < MOVED:
        outcome.broken.append(f"{MOVED - kept} customers have their old address again: the task wrote it back.")
    if greeted < CUSTOMERS or expected - mailed:
        outcome.broken.append(f"{CUSTOMERS - min(greeted, len(mailed & expected))} customers were not greeted.")
    return outcome
