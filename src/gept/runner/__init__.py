"""One tick of one collector: asked, decoded, committed with the ledger, told."""

from .runner import Runner

__all__ = ["Runner"]
