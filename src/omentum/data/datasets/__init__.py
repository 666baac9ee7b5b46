"""Public datasets as they lie on disk: recipes, where their files are, and small imitations of them for tests."""
