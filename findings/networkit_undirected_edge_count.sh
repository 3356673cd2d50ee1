#!/usr/bin/env bash
# networkit 11.3, 2026-11-28: an undirected copy of a directed graph miscounts its own edges.
#
# Input: a directed citation network of eight countries in two blocs. Inside a bloc every country
# cites every other, so each tie stands in both directions; one citation joins the blocs.
# Expected: toUndirected merges the two directions of a tie into one edge, and numberOfEdges()
# says how many edges there are (13).
# What happens: the edges are merged correctly and the copy lists 13 of them, but numberOfEdges()
# says 1: each reciprocal tie is subtracted once too often (a network with reciprocal ties alone
# has "0 edges"). No error, no warning. All that divides by the count is wrong: the density is 0.036
# instead of 0.464, the coverage of a partition is 12 (it is a share, at most 1), the modularity is
# -72.5 (it lies between -0.5 and 1), and Louvain (PLM) finds no community where two are plain.
# With weights, modularity and coverage are right and the count and density stay wrong.
# Instead: let networkit count again, by subgraphFromNodes with all nodes, or build the undirected
# graph edge by edge; compare numberOfEdges() with the length of iterEdges() before using it.
#
# Exit: 0 as described, 1 the behaviour changed, 2 the packages could not be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    networkit==11.3 numpy==2.3.5 scipy==1.17.1 >"$folder/log" 2>&1 ||
    { echo "pip could not install the packages"; exit 2; }

"$folder/env/bin/python" - <<'PYTHON'
import itertools
import sys
from datetime import date

import networkit as nk

blocs = [range(4), range(4, 8)]
cites = nk.Graph(8, directed=True)
for bloc in blocs:
    for citing, cited in itertools.permutations(bloc, 2):
        cites.addEdge(citing, cited)
cites.addEdge(3, 4)

by_hand = nk.Graph(8)
for citing, cited in sorted({tuple(sorted(edge)) for edge in cites.iterEdges()}):
    by_hand.addEdge(citing, cited)

copied = nk.graphtools.toUndirected(cites)
recounted = nk.graphtools.subgraphFromNodes(copied, list(copied.iterNodes()))


def describe(name, graph):
    partition = nk.Partition(8)
    partition.setUpperBound(2)
    for block, bloc in enumerate(blocs):
        for country in bloc:
            partition.addToSubset(block, country)
    louvain = nk.community.PLM(graph)
    louvain.run()
    facts = {
        "listed": len(list(graph.iterEdges())),
        "counted": graph.numberOfEdges(),
        "density": round(nk.graphtools.density(graph), 3),
        "coverage": round(nk.community.Coverage().getQuality(partition, graph), 3),
        "modularity": round(nk.community.Modularity().getQuality(partition, graph), 3),
        "communities": louvain.getPartition().numberOfSubsets(),
    }
    print(f"{name:<13}", *(f"{key} {value}" for key, value in facts.items()), sep="  ")
    return facts


print(f"networkit {nk.__version__}, {date.today()}")
wrong = describe("toUndirected", copied)
right = describe("by hand", by_hand)
again = describe("recounted", recounted)
same = (
    wrong == {"listed": 13, "counted": 1, "density": 0.036, "coverage": 12.0, "modularity": -72.5, "communities": 8}
    and right == again
    and right["counted"] == right["listed"] == 13
    and right["communities"] == 2
)
print("as described" if same else "THE BEHAVIOUR CHANGED")
sys.exit(not same)
PYTHON
