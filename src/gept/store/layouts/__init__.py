"""How big tables are laid out on disk; collectors cannot tell."""
