"""Models on text: a local one for natural language inference, a chat server on this machine."""
