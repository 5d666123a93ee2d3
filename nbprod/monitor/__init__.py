"""Runs inside the service: prediction log, metrics and the hooks behind them."""
