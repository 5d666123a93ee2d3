"""What the analysis finds worth changing before a deploy: one module per concern."""
