"""``python -m gept``."""

from .cli import main

main()
