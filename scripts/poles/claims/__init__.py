"""The paper's claims: read, judged in every branch, and shown."""
