"""The HTTP service of house-prices: `bentoml serve service:service` runs it.

What it accepts and answers follows from the model that is packed with it.
"""

from nbprod.serving import bento_service

service = bento_service("house-prices")
