"""``python -m semcolorize``: the command line."""

from semcolorize.cli.main import main

main()
