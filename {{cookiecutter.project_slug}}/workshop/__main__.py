"""`make lesson N=5`, `make check-lesson N=5` and `make workshop-ready`."""

import subprocess
import sys
import time
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

from sandbox.project import ROOT

from .charts import bars, side_by_side
from .outcome import Outcome

#: Seconds for one version of a lesson: with more, the two take longer than a room waits.
SLOW = 20

LESSONS = sorted(int(folder.name[-2:]) for folder in (Path(__file__).parent / "lessons").glob("lesson[0-9][0-9]"))


class LessonFailed(RuntimeError):
    """A lesson could not be played; the message is what it said."""


def play(number: int, tasks: str) -> Outcome:
    """Play a lesson with the tasks of a module. Raises LessonFailed, for example if that module cannot be imported."""
    command = [sys.executable, "-m", "workshop.play", str(number), tasks]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = "\n".join(done.stderr.splitlines()[-30:])
        raise LessonFailed(msg)
    return Outcome.from_json(done.stdout.splitlines()[-1])


def teach(number: int) -> int:
    """Show what both versions of a lesson come to; return 0 if the careless one fails and the careful one holds."""
    lesson = import_module(f"workshop.lessons.lesson{number:02}")
    print(f"\nLesson {number}: {lesson.TITLE}\n\n{lesson.FAULT}\n", flush=True)
    outcomes = {}
    for version in ("careless", "careful"):
        began = time.monotonic()
        print(f"  playing the {version} version ...", end="", flush=True)
        outcomes[version] = play(number, f"workshop.lessons.lesson{number:02}.{version}")
        print(f" {time.monotonic() - began:.0f} s")
    print("", *side_by_side(outcomes["careless"], outcomes["careful"]), sep="\n")
    print(f"\n{lesson.REMEMBER}\n\nWhy, and an exercise: docs/workshop/lesson{number:02}.md")
    if not outcomes["careless"].broken:
        print("\nThe careless version got away with it this time. Run it again.", file=sys.stderr)
    for sentence in outcomes["careful"].broken:
        print(f"\nThe careful version ought to hold, but: {sentence}", file=sys.stderr)
    return 0 if outcomes["careless"].broken and not outcomes["careful"].broken else 1


def check(number: int, folder: str) -> int:
    """Say whether an exercise holds under the fault; return 0 if it does."""
    print(f"Playing lesson {number} with workshop/{folder}/lesson{number:02}.py ...", flush=True)
    outcome = play(number, f"workshop.{folder}.lesson{number:02}")
    print("", *(f"  {name}: {figure}" for name, figure in outcome.figures.items()), sep="\n")
    print("", *bars(outcome.chart), sep="\n")
    print("", *(f"Not yet: {sentence}" for sentence in outcome.broken), sep="\n")
    if not outcome.broken:
        print("It holds.")
    return 1 if outcome.broken else 0


def try_out() -> int:
    """Play one careful version, as a participant will, and say how long it took; return 0 if it held."""
    number = LESSONS[0]
    print(f"A Redis, two workers, and lesson {number} ...", flush=True)
    began = time.monotonic()
    broken = play(number, f"workshop.lessons.lesson{number:02}.careful").broken
    seconds = time.monotonic() - began
    print(f"... {'played' if not broken else 'failed'} in {seconds:.0f} s.")
    for sentence in broken:
        print(f"The careful version ought to hold, but: {sentence}", file=sys.stderr)
    if seconds > SLOW:
        print(f"That is slow: {SLOW} s are the most that a room waits. Close what else runs, or share a machine.")
    elif not broken:
        print("This machine will do.")
    return 1 if broken else 0


def main() -> int:
    """Run what was asked for; return an exit code."""
    parser = ArgumentParser(prog="workshop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ready", help="try this machine out")
    lesson = commands.add_parser("lesson", help="play both versions of a lesson")
    exercise = commands.add_parser("check", help="play a lesson with its exercise")
    for command in (lesson, exercise):
        command.add_argument("N", type=int, choices=LESSONS, help=f"the lesson: {', '.join(map(str, LESSONS))}")
    exercise.add_argument("--solution", action="store_true", help="with the solution instead")
    options = parser.parse_args()
    try:
        match options.command:
            case "ready":
                return try_out()
            case "lesson":
                return teach(options.N)
            case _:
                return check(options.N, "solutions" if options.solution else "exercises")
    except LessonFailed as error:
        print(f"\n\nThe lesson could not be played:\n\n{error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
