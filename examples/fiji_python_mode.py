#@ ImageJ ij
#@ Integer (label = "Variants", value = 3, min = 1, max = 20) variants
#@ Integer (label = "Seed", value = 0, min = 0) seed
#@ String (label = "Fill", choices = {"default", "gray", "auto"}, value = "default") fill
#@ String (label = "Spread", choices = {"alike", "instance"}, value = "alike") spread
"""Color the active image of Fiji from the ROI Manager, else from its overlay, else from its selection.

A script for Fiji's script editor (language: Python) when Fiji runs in Python mode, or was started by pyimagej: both
have Java and Python in one process. Its Python must be one that semcolorize is installed in. Fiji asks for what stands
after #@, and knows `ij`. It is not put into Fiji's menu, where another Fiji would take it for a Jython script.
"""

from semcolorize.imagej import gateway

colored = gateway.colorize_active(
    ij, variants=variants, seed=seed, fill=None if fill == "default" else fill, spread=spread  # noqa: F821
)
