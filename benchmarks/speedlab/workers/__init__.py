"""Programs that use the standard library alone, and what a peer has installed."""
