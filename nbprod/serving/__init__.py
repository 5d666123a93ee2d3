"""Runs inside the service: HTTP API, contract checks, scoring, keys and limits."""

from nbprod.serving.service import bento_service

__all__ = ["bento_service"]
