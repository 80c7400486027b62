"""What Overread writes: SEG, SR, key objects, encapsulated PDF."""
