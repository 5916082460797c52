"""The Hugging Face Hub: files from there, checked, and models to there."""
