"""Rows out of the database and back, each once: what backups and the archive are made of."""
