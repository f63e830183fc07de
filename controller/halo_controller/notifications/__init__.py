"""Notifications: who hears of an incident, when, through which channel, and what became of it."""
