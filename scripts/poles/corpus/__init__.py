"""Where works come from: sources, records, and the selection of those that count."""
