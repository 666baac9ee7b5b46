"""Detection of the plane between the left and the right half of the body."""
