"""Print the chain of a result down to its sources, and name the first broken link."""

import argparse
import sys

from poles import audit

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("result", help="a file below results/, relative to the folder in which the study worked")
parser.add_argument("--full", action="store_true", help="list every file of the chain")
arguments = parser.parse_args()
lines, broken = audit.chain(arguments.result, arguments.full)
print("\n".join(lines))
if broken:
    sys.exit(f"first broken link: {broken.path} {broken.breaks[0]}")
print("every link holds")
