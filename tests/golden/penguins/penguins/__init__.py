"""Which penguin is it?

Made from penguins.ipynb by nbprod. The steps are in steps.py, their order
in pipeline.py, what can be set in parameters.py.
"""
