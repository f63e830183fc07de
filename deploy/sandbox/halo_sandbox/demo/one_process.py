"""The demo where no broker can be had: the same path in one process, over the in-memory transport."""
