"""The run log: the story of each run, kept for as long as its tenant wants it."""
