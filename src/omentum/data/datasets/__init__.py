"""Public datasets in their published file layout: recipes, file discovery, and small synthetic copies for tests."""
