"""Map a dataset's labels to our structures: values, laterality, overlaps, and which structures are annotated."""
