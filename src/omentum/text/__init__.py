"""Text encoders: from prompts to embeddings."""
