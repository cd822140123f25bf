"""Lesson 5: one queue for all."""

TITLE = "One queue, and a click waits behind bulk work"
FAULT = """\
A nightly job has sent 200 tasks of 50 ms to the queue `bulk`, whose worker has two processes. Meanwhile people
click a button, ten times, each click a task that takes no time. How long until it starts?"""
REMEMBER = "A queue is a promise. What a person waits for has one of its own, with workers that do nothing else."
