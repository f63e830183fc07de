"""The sync engine: it decides, and explains, and reaches nothing but its ports."""
