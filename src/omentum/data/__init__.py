"""From downloaded datasets to training patches: `datasets`, `harmonise`, `store`, `splits`, `sampling`, in order."""
