"""Who may do what: roles, the actions there are, and the one question about them. Pure."""
