"""Videos and animations, frame by frame: reading, restoring and writing them like their source."""
