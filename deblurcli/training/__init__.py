"""Training: sharp photographs and real pairs in, a checkpoint out."""
