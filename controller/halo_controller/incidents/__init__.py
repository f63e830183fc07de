"""Incidents: what is wrong, once per cause, from its opening to its recovery."""
