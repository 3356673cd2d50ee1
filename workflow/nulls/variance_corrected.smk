use rule fit_max_entropy as fit_variance_corrected with:
    pathvars:
        null="variance_corrected",
    params:
        null="variance_corrected",
        options=config["nulls"].get("variance_corrected", {}),
        code=code("fit_null", "poles.nulls.variance_corrected"),
