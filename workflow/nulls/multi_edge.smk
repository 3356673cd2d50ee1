use rule fit_max_entropy as fit_multi_edge with:
    pathvars:
        null="multi_edge",
    params:
        null="multi_edge",
        options=config["nulls"].get("multi_edge", {}),
        code=code("fit_null", "poles.nulls.multi_edge"),
