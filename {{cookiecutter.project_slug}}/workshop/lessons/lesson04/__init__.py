"""Lesson 4: no limits."""

TITLE = "No limits, and two hung calls stop a worker"
FAULT = """\
Twelve tasks ask a service each. For the first two it takes the question and never answers. The worker has two
processes. How many of the other ten get their answer?"""
REMEMBER = "What may wait may wait for ever. Every call has a timeout, and each task two limits behind it."
