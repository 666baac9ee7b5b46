"""Patient-level splits into training, validation and test parts."""
