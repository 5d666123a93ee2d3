"""``python -m nbprod.cli`` is the ``nbprod`` command."""

from nbprod.cli.main import main

main()
