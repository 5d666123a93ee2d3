"""Compare values by type, with stated tolerances."""
