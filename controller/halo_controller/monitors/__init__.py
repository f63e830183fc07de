"""Monitors: named consumers of status events, each with a queue and an account of its own on the broker."""
