"""Follow-up of two scans of a patient: alignment of the bodies and matching of the lesions."""
