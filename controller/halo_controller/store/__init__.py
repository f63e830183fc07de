"""The record of truth: one module of statements per noun, all over one connection that the caller's transaction owns."""
