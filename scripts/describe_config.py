"""Write the reference of the configuration: config/README.md, and its schema for editors."""

from pathlib import Path

from poles.study import config_reference

config_reference.write(Path(__file__).resolve().parent.parent)
