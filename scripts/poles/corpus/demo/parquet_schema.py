"""Types of the columns of works in OpenAlex's Parquet files, as its exporter of 2026 writes them."""

import pyarrow as pa


def _schema() -> pa.Schema:
    """Make the schema from named types."""
    text, whole, real, flag = pa.string(), pa.int32(), pa.float64(), pa.bool_()
    time = pa.timestamp("us", tz="UTC")

    def struct(**kinds: pa.DataType) -> pa.StructType:
        return pa.struct(list(kinds.items()))

    named = struct(id=text, display_name=text)
    scored = struct(id=text, display_name=text, score=real)
    topic = struct(id=text, display_name=text, score=real, subfield=named, field=named, domain=named)
    authorship = struct(
        author=struct(id=text, display_name=text, orcid=text),
        author_position=text,
        affiliations=pa.list_(struct(raw_affiliation_string=text, institution_ids=pa.list_(text))),
        countries=pa.list_(text),
        raw_author_name=text,
        is_corresponding=flag,
        raw_affiliation_strings=pa.list_(text),
        raw_orcid=text,
        institutions=pa.list_(
            struct(id=text, display_name=text, ror=text, country_code=text, type=text, lineage=pa.list_(text))
        ),
    )
    source = struct(id=text, display_name=text, type=text, is_core=flag)
    location = struct(source=source, is_oa=flag, landing_page_url=text, version=text, license=text)
    price = struct(value=pa.int64(), currency=text, value_usd=pa.int64())
    columns = struct(
        id=text,
        doi=text,
        title=text,
        display_name=text,
        ids=pa.map_(text, text),
        indexed_in=pa.list_(text),
        publication_date=pa.date32(),
        publication_year=whole,
        language=text,
        type=text,
        authorships=pa.list_(authorship),
        authors_count=whole,
        corresponding_author_ids=pa.list_(text),
        corresponding_institution_ids=pa.list_(text),
        primary_topic=topic,
        topics=pa.list_(topic),
        keywords=pa.list_(scored),
        concepts=pa.list_(struct(id=text, wikidata=text, display_name=text, level=whole, score=real)),
        locations=pa.list_(location),
        locations_count=whole,
        primary_location=location,
        best_oa_location=location,
        sustainable_development_goals=pa.list_(scored),
        awards=pa.list_(struct(id=text, funder_award_id=text, funder_id=text)),
        funders=pa.list_(named),
        institutions=pa.list_(named),
        countries_distinct_count=whole,
        institutions_distinct_count=whole,
        open_access=struct(is_oa=flag, oa_status=text, any_repository_has_fulltext=flag, oa_url=text),
        is_paratext=flag,
        is_retracted=flag,
        is_xpac=flag,
        biblio=struct(volume=text, issue=text, first_page=text, last_page=text),
        referenced_works=pa.list_(text),
        referenced_works_count=whole,
        related_works=pa.list_(text),
        abstract_inverted_index=text,
        cited_by_count=whole,
        counts_by_year=pa.list_(struct(year=whole, cited_by_count=whole)),
        apc_list=price,
        apc_paid=price,
        fwci=real,
        citation_normalized_percentile=struct(
            value=real, is_in_top_1_percent=flag, is_in_top_10_percent=flag
        ),
        cited_by_percentile_year=struct(min=whole, max=whole),
        mesh=pa.list_(struct(descriptor_ui=text, descriptor_name=text)),
        has_content=struct(pdf=flag, grobid_xml=flag),
        has_fulltext=flag,
        created_date=time,
        updated_date=time,
    )
    return pa.schema(list(columns))


SCHEMA = _schema()
