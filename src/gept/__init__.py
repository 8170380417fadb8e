"""Gathers Old School RuneScape Grand Exchange market data into PostgreSQL."""

__version__ = "0.1.0"
