"""An app of mistakes, for the tests of the checks."""
