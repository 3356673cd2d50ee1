use rule fit_max_entropy as fit_enhanced_max_entropy with:
    pathvars:
        null="enhanced_max_entropy",
    params:
        null="enhanced_max_entropy",
        options=config["nulls"].get("enhanced_max_entropy", {}),
        code=code("fit_null", "poles.nulls.enhanced_max_entropy"),
