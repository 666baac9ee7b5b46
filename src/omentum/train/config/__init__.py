"""What a training run is to do: settings with their defaults, checked, from TOML files and presets."""
