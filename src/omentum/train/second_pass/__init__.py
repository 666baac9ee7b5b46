"""Training of a second pass: a network that looks for lesions and thin vessels inside the organs a first pass finds."""
