"""Lesson 2: a task that waits for a task."""

TITLE = "A task that waits for a task, and nobody is left to do it"
FAULT = """\
Six reports need a price each, which is a task of its own. The worker has two processes.
How many reports are there after ten seconds?"""
REMEMBER = "A task never waits for a task. What comes after is said beforehand, by a chain."
