"""Colours that figures and pages share, for programs that do not draw with matplotlib."""

POLES = ("#56B4E9", "#882255", "#DDCC77", "#117733")
"""Colours by place in the list of poles."""
