"""The containers of baked projects."""
