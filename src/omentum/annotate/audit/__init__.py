"""Labels against a model's predictions: faults of the labels, surest first."""
