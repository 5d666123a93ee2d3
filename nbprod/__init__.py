"""nbprod: put a notebook into production, with proof.

Importing this package is cheap on purpose: the command line, the Jupyter
server and the service image all start here. Use :mod:`nbprod.workflows` for
the Python API.
"""

__version__ = "0.1.0"
