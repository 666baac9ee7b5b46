"""From downloaded datasets to training patches; in order: `datasets`, `harmonise`, `store`, `splits`, `sampling`."""
