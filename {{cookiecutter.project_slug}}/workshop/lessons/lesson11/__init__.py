"""Lesson 11: eager tests."""

TITLE = "Eager tests pass, and the worker is wrong"
FAULT = """\
A shop's owner sets a new tax rate on a page, and eight orders are taxed. First eagerly, as in a unit test, then by
a worker. How many are taxed at the new rate?"""
REMEMBER = "Eager is one process, no message and no broker. What depends on any of them is tested with a worker."
