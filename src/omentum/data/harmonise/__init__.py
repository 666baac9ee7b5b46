"""A dataset's labels as our structures: values, sides, overlaps, and what was annotated at all."""
