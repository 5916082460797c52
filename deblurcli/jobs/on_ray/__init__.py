"""The engine that is a Ray cluster. Importing these modules does not load Ray."""
