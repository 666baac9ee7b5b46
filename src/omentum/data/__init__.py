"""Labelled cases as training material: what is annotated, which voxels to look at, how to vary them."""
