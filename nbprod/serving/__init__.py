"""Runs inside the service: HTTP API, contract checks, scoring, keys and limits."""
