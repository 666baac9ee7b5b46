"""MetaImage (`.mha`; `.mhd` with its data file beside it), the native format of ITK."""
