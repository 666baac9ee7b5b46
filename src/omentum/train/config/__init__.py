"""Configuration of a training run: validated settings with defaults, from TOML files and presets."""
