"""Lesson 9: a task sent inside a transaction."""

TITLE = "Sent inside a transaction, and it rolls back"
FAULT = """\
Ten orders are placed, each in a transaction that also sends its confirmation. Three of them are refused at the end, and
roll back. Who gets a mail?"""
REMEMBER = "A message knows no rollback. Send on commit, through the outbox: then commit and dispatch are one."
