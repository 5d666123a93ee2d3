"""The Jupyter server extension behind the Deploy button."""
