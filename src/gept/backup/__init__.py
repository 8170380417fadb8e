"""Backups: made whole or not at all, told by a manifest, read back before they are believed."""
