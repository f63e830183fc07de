"""Targets: the places that are kept in step, each behind the engine's Target port."""
