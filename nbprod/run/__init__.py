"""Execute notebooks and steps. The only package that starts user code."""
