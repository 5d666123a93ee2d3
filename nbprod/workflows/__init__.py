"""One module per verb: a request in, a result out. This is the Python API."""
