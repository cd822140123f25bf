"""`manage.py dead_letters`: the tasks that failed for good; replay or discard them."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from ...arguments import ArgumentError
from ...dead_letters.collector import collect
from ...dead_letters.models import DeadLetter
from ...dead_letters.replay import NotWaitingError, discard, replay
from ...errors import TRANSIENT_ERRORS


class Command(BaseCommand):
    help = "List the tasks that failed for good, show one in full, replay or discard them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|replay|discard")
        listing = actions.add_parser("list", help="one line each, the latest first")
        listing.add_argument("--state", choices=DeadLetter.State.values, default=DeadLetter.State.WAITING)
        listing.add_argument("--limit", type=int, default=50, help="default: 50")
        show = actions.add_parser("show", help="everything about one")
        show.add_argument("id", type=int)
        replaying = actions.add_parser("replay", help="send the task again, with the same arguments")
        discarding = actions.add_parser("discard", help="put it aside; nothing is sent")
        for action in (replaying, discarding):
            action.add_argument("ids", type=int, nargs="*", metavar="ID")
            action.add_argument("--all", action="store_true", help="all that wait, or those of --task and --queue")
        for action in (listing, replaying, discarding):
            action.add_argument("--task", help="only those of this task")
            action.add_argument("--queue", help="only those of this queue")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            collect()
        except TRANSIENT_ERRORS as error:
            self.stderr.write(f"The broker does not answer, so there may be more: {error}")
        match action:
            case "list":
                self.print_list(_chosen(options, DeadLetter.objects.filter(state=options["state"])), options["limit"])
            case "show":
                self.show(options["id"])
            case "replay":
                self.each(options, replay, "replayed as {}")
            case "discard":
                self.each(options, discard, "discarded")

    def print_list(self, letters: QuerySet[DeadLetter], limit: int) -> None:
        for letter in letters[:limit]:
            when = f"{letter.failed_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{letter.pk:>6}  {when}  {letter.queue:<8}  {letter}  {letter.reason}")
        total = letters.count()
        self.stdout.write(f"{min(total, limit)} of {total}")

    def show(self, letter_id: int) -> None:
        letter = DeadLetter.objects.filter(pk=letter_id).first()
        if letter is None:
            msg = f"There is no dead letter {letter_id}."
            raise CommandError(msg)
        for field in letter._meta.concrete_fields:
            if value := letter.call if field.name == "arguments" else getattr(letter, field.attname):
                self.stdout.write(f"{field.verbose_name}: {value}")

    def each(self, options: dict[str, Any], do: Callable[[int], object], done: str) -> None:
        """Do it to each that was asked for, and fail at the end if one was refused."""
        if bool(options["ids"]) == options["all"]:
            msg = "Name the ids, or give --all."
            raise CommandError(msg)
        waiting = DeadLetter.objects.filter(state=DeadLetter.State.WAITING)
        ids = options["ids"] or list(_chosen(options, waiting).order_by("pk").values_list("pk", flat=True))
        refused = 0
        for letter_id in ids:
            try:
                self.stdout.write(f"{letter_id}: {done.format(do(letter_id))}")
            except (NotWaitingError, ArgumentError) as error:
                refused += 1
                self.stderr.write(str(error))
        if refused:
            msg = f"{refused} of {len(ids)} not done"
            raise CommandError(msg)


def _chosen(options: dict[str, Any], letters: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
    if options["task"]:
        letters = letters.filter(task_name=options["task"])
    if options["queue"]:
        letters = letters.filter(queue=options["queue"])
    return letters
