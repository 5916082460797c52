"""How fast results come, and what they cost in memory."""
