"""Every message on the broker; PROTOCOL.md tells the conversation they make."""
