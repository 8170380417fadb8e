"""What a process keeps on disk while the database is away: answers, causes of gaps, its leads."""

from .spool import Spool

__all__ = ["Spool"]
