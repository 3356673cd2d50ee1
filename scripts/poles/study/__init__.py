"""The machinery of a study: configuration, branches, jobs, tables, provenance and audit."""
