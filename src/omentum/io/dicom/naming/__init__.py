"""What file names and descriptions of a series say, and what of them is shown."""
