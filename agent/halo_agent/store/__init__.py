"""What the agent keeps on its own disk: links, and events that wait for the broker."""
