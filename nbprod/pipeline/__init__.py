"""The pipeline as data: the IR and what builds, checks and stores it."""
