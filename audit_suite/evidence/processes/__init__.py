"""Child processes as the judge sees them: a handle on each, their pipes, their surroundings."""
