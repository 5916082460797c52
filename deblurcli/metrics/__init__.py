"""Image quality measures with one stated definition each."""
