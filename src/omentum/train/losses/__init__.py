"""Training losses, restricted to the structures annotated in each case."""
