"""House prices in Ames, Iowa.

Made from house_prices.ipynb by nbprod. The steps are in steps.py, their order
in pipeline.py, what can be set in parameters.py.
"""
