"""What is asked of the database, by subject; the store has all of it."""
