"""Read a notebook: cells, tags and magics."""
