"""One rule per null model, each in a file of its own; the others are written as copies of the first."""


include: "../nulls/max_entropy.smk"


for path in sorted(Path(workflow.basedir, "workflow/nulls").glob("*.smk")):
    if path.stem != "max_entropy":

        include: f"../nulls/{path.name}"
