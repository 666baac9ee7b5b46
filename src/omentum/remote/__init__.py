"""A batch whose cases are computed by a service on another machine, with the same results as here."""
