"""A planted world: a small OpenAlex snapshot with a known truth, generated from a seed.

About sixty real countries, or up to 180, publish, collaborate and cite each other. Works are generated one
after another: first the year, then the lead country by size, its partners by size and affinity, and the
authors; then references by the stock of earlier works, affinity, age and attractiveness. The affinity of
every pair of countries follows one of the paper's four archetypes; the table of these archetypes is the
truth. Nothing here uses null models, z-scores or clusters, and the study reads the files as it reads those of
OpenAlex.

A plan may give a share of the records to Computer Vision, where the affinities with the poles are other ones.
So it can be tested whether definitions of the field differ in the links in which the world does.

Some things are unrealistic so that sixty thousand works suffice. Yearly output grows threefold from 1990 to
2023 (in OpenAlex about ninefold). The sizes of countries are the real ones to the power 0.6. A third to a
half of all works are international, with three countries on average. Affinities change by a factor of ten and
more, and the affinity of every pair changes smoothly. No work is older than the first year, so early works
have little to cite. Large collaborations, authors who move, and duplicate records are not simulated.
"""
