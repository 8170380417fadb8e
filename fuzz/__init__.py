"""Looks for answers that gept does not survive, guided by what they reach in its code."""
