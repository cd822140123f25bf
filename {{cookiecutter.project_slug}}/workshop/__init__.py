"""Lessons that break one practice each, on a real broker with real workers, and mend it. Nothing else needs them."""
