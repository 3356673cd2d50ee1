"""Claims, by default those of the paper: read, judged in every branch, and shown."""
