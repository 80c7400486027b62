"""From the bytes of a frame to stored values, to modality values, and what they mean."""
