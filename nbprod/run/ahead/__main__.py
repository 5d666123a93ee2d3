"""``python -m nbprod.run.ahead``: computes the step that is given on stdin."""

from nbprod.run.ahead.job import main

main()
