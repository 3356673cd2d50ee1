"""The paper's claims, judged in every branch."""
