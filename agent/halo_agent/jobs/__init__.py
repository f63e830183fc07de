"""What an agent can do: the work of a sync, a preview and a check, without the ways that ask for it."""
