"""Search for the smallest change outside the region that moves the score, and confirm it."""
