"""The annotation loop: proposals of a model with an ordered worklist, corrections taken back, faults in labels."""
