"""`podgraph cache warm` (G is at it)."""
