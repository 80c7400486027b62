"""Tools as state machines: points in, new values out; they know neither mouse nor widgets."""
