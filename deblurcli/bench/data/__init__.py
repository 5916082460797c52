"""The images that are measured on: published test sets, a user's own folders, and where they come from."""
