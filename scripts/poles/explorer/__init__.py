"""The explorer: one page with the links of all countries, to look at, to send and to take numbers from."""
