"""Which patients train, validate and test."""
