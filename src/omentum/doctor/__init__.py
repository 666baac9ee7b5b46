"""What Omentum would do with an input, and what this machine offers it, without running a network."""
