"""Images of any size through a network in bounded memory."""
