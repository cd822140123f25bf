"""Commit and dispatch are one: a message is a row of the caller's transaction before it is a message of the broker."""
