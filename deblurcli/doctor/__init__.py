"""What a bug report needs of a machine: versions, what computes and why, the models that are here, a self-test."""
