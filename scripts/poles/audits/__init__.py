"""From a number of the study back to the rows and works that it comes from."""
