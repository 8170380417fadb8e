"""How much gept costs, as ratios against the way that its user would otherwise take."""
