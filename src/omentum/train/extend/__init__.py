"""A trained model learns further structures: words, data, protection of what it knew, and the proof that it kept it."""
