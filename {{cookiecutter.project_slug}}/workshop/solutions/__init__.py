"""One way to mend each exercise. Try yours first."""
