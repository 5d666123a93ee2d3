"""A Bento from a packaged model: the spec and the build."""
