"""The pages that people read first: what was found, by which methods, and every figure with its data."""
