"""Lesson 7: late acknowledgement without idempotence."""

TITLE = "Acknowledged late, not idempotent, and a customer pays twice"
FAULT = """\
Twelve orders are to be charged, each once. The worker is killed when money has been taken for an order, but its
task is not done yet. Another worker takes its place, and no task is lost. What do the customers pay?"""
REMEMBER = "Late acknowledgement means at least once. What must happen once takes a key, committed with the effect."
