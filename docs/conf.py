"""How the documentation is built: `make docs`."""

from __future__ import annotations

project = "gept"
extensions = ["myst_parser"]
exclude_patterns = ["README.md"]
nitpicky = True
myst_heading_anchors = 4
html_theme = "alabaster"
html_show_copyright = False
