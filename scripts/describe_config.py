"""Print config/README.md, made from the schema of the configuration."""

from pathlib import Path

from poles.study import config

print(config.describe(Path(__file__).resolve().parent.parent), end="")
