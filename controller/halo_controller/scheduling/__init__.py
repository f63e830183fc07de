"""When integrations run by themselves: deciding is pure, and each answer has its reason."""
