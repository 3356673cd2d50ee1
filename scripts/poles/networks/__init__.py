"""From works, or ready edge lists, to the yearly links between countries."""
