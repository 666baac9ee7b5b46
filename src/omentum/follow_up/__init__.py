"""Two scans of a patient: one laid on the other, and each lesion of the first found again in the second."""
