"""What is minimised: only over the structures that a case was annotated for."""
