"""Channels: each knows one way to reach a person."""
