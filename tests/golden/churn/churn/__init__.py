"""Which customers are about to leave?

Made from churn.ipynb by nbprod. The steps are in steps.py, their order
in pipeline.py, what can be set in parameters.py.
"""
