"""Countries against the poles: alignment, attraction, polarization, hubs and spokes."""
