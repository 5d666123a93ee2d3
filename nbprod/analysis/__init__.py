"""Facts about code, from its text alone: no I/O, nothing executed."""
