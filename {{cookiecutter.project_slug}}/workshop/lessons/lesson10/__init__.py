"""Lesson 10: a poison message."""

TITLE = "A poison message, and it comes back for ever"
FAULT = """\
Ten photos are to be made smaller. One of them kills the process that opens it, each time.
How often is it tried, and does a person hear of it?"""
REMEMBER = "What is given back has to be counted. After the last try it is a dead letter."
