"""The packaged model: contract, reference profile, persistence."""
