"""From words to embeddings."""
