"""NumPy references: the specification of every kernel, and what the `cpu` profile runs."""
