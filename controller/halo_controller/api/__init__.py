"""The REST API: one module per noun, each a thin skin over the core. Start reading at `app`."""
