"""Colours that figures and pages share, for programs that do not draw with matplotlib."""

GREY = "#8C8C8C"
POLES = ("#56B4E9", "#882255", "#DDCC77", "#117733")
"""Colours by place in the list of poles."""
ARCHETYPES = {
    "Scientific Convergence": "#009E73",
    "Scientific Divergence": "#D55E00",
    "Knowledge Integration": "#0072B2",
    "Knowledge Divergence": "#E69F00",
    "Stable": GREY,
    "Unnamed": "#BBBBBB",
}
"""Colours of Okabe and Ito (2008), which all kinds of colour vision can distinguish, and greys."""
VERDICTS = {
    "reproduced": "#007A56",
    "contradicted": "#B34700",
    "inconclusive": "#8C8C8C",
    "not testable": "#CCCCCC",
}
"""Colours of verdicts. The first two are those of the page of claims."""
