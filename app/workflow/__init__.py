"""The use cases, in the order in which a radiologist meets them. No display, no Qt."""
