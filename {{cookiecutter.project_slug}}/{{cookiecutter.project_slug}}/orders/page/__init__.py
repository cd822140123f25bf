"""What the page of an import draws, from what the database says of it. No task and no service depends on this."""
