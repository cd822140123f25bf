"""Lesson 12: failing in silence."""

TITLE = "Failing in silence"
FAULT = """\
Twelve products are to be sent to a partner, and three of them have no price. Nobody watches.
How many of the three does a person hear of?"""
REMEMBER = "Let it fail. What a task swallows, nobody can see, try again or mend."
