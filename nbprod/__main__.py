"""``python -m nbprod``: the command, where its script is not on the path."""

from nbprod.cli.main import main

main()
