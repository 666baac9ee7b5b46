"""Learning from partially labelled CTs."""
