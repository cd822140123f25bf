"""A folder for each lesson: what happens (`scenario`), and the tasks it happens to (`careless`, `careful`)."""
