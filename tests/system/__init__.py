"""gept as its user runs it."""
