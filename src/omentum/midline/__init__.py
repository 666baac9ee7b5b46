"""Where the left and the right half of the body meet."""
