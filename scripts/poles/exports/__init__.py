"""Results for other programs: tables as CSV with a Data Package, and files of networks."""
