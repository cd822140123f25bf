"""Lesson 6: early acknowledgement."""

TITLE = "Acknowledged early, and a worker is killed"
FAULT = """\
Twenty orders are to be shipped. While two are at work the worker is killed, as the kernel does it when
memory runs out, and another one takes its place. How many orders are shipped?"""
REMEMBER = "Acknowledge when the work is done, `acks_late`: before that, the message is the only one who remembers it."
