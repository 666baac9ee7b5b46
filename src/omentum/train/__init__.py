"""Training on partially labelled CTs."""
