"""A strict stand-in for a Halo instance: HTTP in front, SQLite behind."""
