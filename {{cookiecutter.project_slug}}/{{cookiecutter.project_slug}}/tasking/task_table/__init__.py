"""The tasks that the project has, as a table, and where each of their values comes from."""
