"""From headers to stacks in patient space with a verdict on each, and to volumes."""
