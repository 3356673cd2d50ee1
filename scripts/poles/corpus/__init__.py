"""The works of the study: their sources, their records, and the selection of the works that count."""
