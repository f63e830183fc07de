"""The audit log: one line for each change that somebody made, never altered."""
