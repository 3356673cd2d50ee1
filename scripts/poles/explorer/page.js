"use strict";

// The address after # is the whole state of the page. So any view can be sent, embedded and found again.

const study = JSON.parse(document.getElementById("data").textContent);
const byCode = new Map(study.countries.map((country) => [country.code, country]));
const codes = study.countries.map((country) => country.code);
const rowOf = new Map(study.pairs.map(([a, b], row) => [`${codes[a]}-${codes[b]}`, row]));
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#000000"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 4", "1 2"];
const SERIES = {
  "collaboration": () => "Works of both",
  "citation>": (a, b) => `${a} cites ${b}`,
  "citation<": (a, b) => `${b} cites ${a}`,
};
const INDICES = {
  salton: "Salton's cosine",
  jaccard: "Jaccard's index",
  collaboration_index: "Index of collaboration (1 is neutral)",
  affinity: "Affinity in collaboration (1 is neutral)",
  citation_affinity_out: "Affinity, first cites second (1 is neutral)",
  citation_affinity_in: "Affinity, second cites first (1 is neutral)",
};
let arrays;

// Data

async function unpack({ text, places }) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = planes.length / 4;
  const view = new Uint8Array(planes.length);
  for (let number = 0; number < count; number++) {
    for (let byte = 0; byte < 4; byte++) {
      view[4 * number + byte] = planes[byte * count + number];
    }
  }
  const numbers = new Float32Array(view.buffer);
  return new Map(Object.entries(places).map(([name, [start, size]]) => [name, numbers.subarray(start, start + size)]));
}

function series(name, row) {
  const values = arrays.get(name);
  if (!values || row === undefined) {
    return study.years.map(() => null);
  }
  const own = values.subarray(row * study.years.length, (row + 1) * study.years.length);
  return Array.from(own, (value) => (Number.isNaN(value) ? null : value));
}

// The row of two countries, and whether they stand the other way round in it.
function pairOf(a, b) {
  return a < b ? [rowOf.get(`${a}-${b}`), false] : [rowOf.get(`${b}-${a}`), true];
}

function turned(kind, backwards) {
  return backwards && kind.startsWith("citation") ? kind.slice(0, -1) + (kind.endsWith(">") ? "<" : ">") : kind;
}

const kinds = study.layers.flatMap((layer) => (layer === "citation" ? ["citation>", "citation<"] : [layer]));
const recent = study.years.map((year) => year >= study.recent[0] && year <= study.recent[1]);

// Mean of z over the recent years and over both directions of a layer; null if half of the years or more lack it.
function recentZ(a, b, layer, nullModel) {
  const [row] = pairOf(a, b);
  const ways = kinds.filter((kind) => kind.startsWith(layer));
  const perYear = study.years.map((_, at) => {
    const values = ways.map((kind) => series(`${kind}/${nullModel}/z`, row)[at]).filter((value) => value !== null);
    return values.length ? d3.mean(values) : null;
  });
  const values = perYear.filter((value, at) => recent[at] && value !== null);
  return 2 * values.length > d3.sum(recent) ? d3.mean(values) : null;
}

function partnersOf(code) {
  const at = codes.indexOf(code);
  return study.pairs.flatMap(([a, b]) => (a === at ? [codes[b]] : b === at ? [codes[a]] : []));
}

// Text

const three = d3.format(",.3~r");
const whole = d3.format(",.0f");

function number(value, exact = false) {
  if (value === null || value === undefined) {
    return "–";
  }
  const text = exact && Number.isInteger(value) ? whole(value) : Math.abs(value) < 0.0005 ? "0" : three(value);
  return text.replace("-", "−");
}

const nameOf = (code) => byCode.get(code)?.name ?? code;

// Address

const DEFAULTS = {
  view: "pair",
  a: study.poles[0],
  b: study.poles[1] ?? codes.find((code) => code !== study.poles[0]),
  country: study.poles[0],
  pole: study.poles[0],
  layer: study.layers[0],
  year: String(study.recent[1]),
  null: study.nulls[0],
  claim: "",
  embed: "",
};

function stateOf(address) {
  const asked = Object.fromEntries(new URLSearchParams(address.replace(/^#/, "")));
  const state = { ...DEFAULTS, ...asked };
  const allowed = {
    view: Object.keys(VIEWS), a: codes, b: codes, country: codes, pole: codes, layer: study.layers,
    year: study.years.map(String), null: study.nulls, claim: ["", ...study.claims.map((claim) => claim.id)],
  };
  for (const [key, values] of Object.entries(allowed)) {
    if (!values.includes(state[key])) {
      state[key] = DEFAULTS[key];
    }
  }
  return state;
}

function addressOf(state) {
  const told = Object.entries(state).filter(([key, value]) => key === "view" || value !== DEFAULTS[key]);
  return `#${new URLSearchParams(told)}`;
}

// Parts of a view

function choose(parent, label, state, key, options) {
  const box = parent.append("label").text(label).append("div");
  const select = box.append("select").attr("aria-label", label);
  select.selectAll("option").data(options).join("option")
    .attr("value", ([value]) => value).property("selected", ([value]) => value === state[key]).text(([, text]) => text);
  select.on("change", (event) => { location.hash = addressOf({ ...state, [key]: event.target.value }); });
}

// A text field that finds a country by any part of its name, or by its code.
function search(parent, label, state, key) {
  const id = `names-${key}`;
  const box = parent.append("label").text(label).append("div");
  const input = box.append("input").attr("list", id).attr("aria-label", label).attr("autocomplete", "off")
    .property("value", nameOf(state[key]));
  box.append("datalist").attr("id", id).selectAll("option").data(study.countries).join("option")
    .attr("value", (country) => country.name);
  input.on("focus", (event) => event.target.select());
  input.on("change", (event) => {
    const asked = event.target.value.trim().toLowerCase();
    const found = study.countries.find((country) => [country.name, country.code].some((x) => x.toLowerCase() === asked))
      ?? study.countries.find((country) => asked && country.name.toLowerCase().includes(asked));
    if (found) {
      location.hash = addressOf({ ...state, [key]: found.code });
    }
    event.target.value = nameOf(found ? found.code : state[key]);
  });
}

function table(parent, caption, columns, rows) {
  const sheet = parent.append("div").attr("class", "wide").append("table");
  sheet.append("caption").text(caption);
  sheet.append("thead").append("tr").selectAll("th").data(columns).join("th")
    .attr("scope", "col").attr("class", (column) => (column.number ? "number" : null)).text((column) => column.name);
  const line = sheet.append("tbody").selectAll("tr").data(rows).join("tr");
  columns.forEach((column, at) => {
    line.append(at ? "td" : "th").attr("scope", at ? null : "row").attr("class", column.number ? "number" : null)
      .each(function (row) {
        const cell = d3.select(this);
        const target = column.link ? cell.append("a").attr("href", column.link(row)) : cell;
        const value = column.value(row);
        target.text(column.number ? number(value, column.exact) : value ?? "–");
      });
  });
  return sheet;
}

function quoted(value) {
  return value === null || value === undefined ? "" : typeof value === "number" ? String(value) : `"${String(value).replaceAll('"', '""')}"`;
}

// The data behind a view, as a file.
function download(parent, name, columns, rows) {
  const lines = [columns.map(quoted), ...rows.map((row) => row.map(quoted))].map((line) => line.join(","));
  parent.append("p").append("button").attr("type", "button").text("Download the data behind this view (CSV)")
    .on("click", () => {
      const url = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
      const anchor = document.createElement("a");
      anchor.href = url;
      anchor.download = name;
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    });
  parent.property("csv", `${lines.join("\n")}\n`);
}

// Lines over the years: {name, colour, dash, values, low, high, exact}. Arrow keys move through the years.
function chart(parent, title, lines, signed = false) {
  const shown = lines.filter((line) => line.values.some((value) => value !== null));
  const figure = parent.append("figure");
  figure.append("figcaption").text(title);
  if (!shown.length) {
    figure.append("p").attr("class", "readout").text("No number in any year.");
    return;
  }
  const legend = figure.append("ul").attr("class", "legend").selectAll("li").data(shown).join("li");
  legend.append("svg").attr("viewBox", "0 0 30 10").attr("aria-hidden", "true").append("line")
    .attr("x2", 30).attr("y1", 5).attr("y2", 5).attr("stroke", (line) => line.colour).attr("stroke-width", 3)
    .attr("stroke-dasharray", (line) => line.dash);
  legend.append("span").text((line) => line.name);
  const [width, height, left, right, top, bottom] = [560, 260, 62, 10, 8, 26];
  const years = study.years;
  const known = years.filter((_, at) => shown.some((line) => line.values[at] !== null));
  const x = d3.scaleLinear(d3.extent(known), [left, width - right]);
  const values = shown.flatMap((line) => [...line.values, ...(line.low ?? []), ...(line.high ?? [])])
    .filter((value) => value !== null);
  const [low, high] = d3.extent([0, ...values]);
  // Null models differ widely in how large their z are, so a common linear axis may hide all but one of them.
  const wide = signed && Math.max(-low, high) > 40;
  const y = (wide ? d3.scaleSymlog() : d3.scaleLinear()).domain([low, high]).range([height - bottom, top]);
  if (!wide) {
    y.nice();
  }
  const first = shown.map((line) => `${line.name} from ${number(line.values[years.indexOf(known[0])], line.exact)} in ${known[0]} to `
    + `${number(line.values[years.indexOf(known.at(-1))], line.exact)} in ${known.at(-1)}`);
  const svg = figure.append("svg").attr("class", "chart").attr("viewBox", `0 0 ${width} ${height}`)
    .attr("role", "img").attr("tabindex", 0).attr("aria-label", `${title}. ${first.join("; ")}.`);
  const powers = [-1000, -100, -10, -1, 0, 1, 10, 100, 1000, 10000].filter((tick) => tick >= low && tick <= high);
  const ticks = wide ? powers : y.ticks(5);
  svg.append("g").attr("transform", `translate(0,${height - bottom})`).call(d3.axisBottom(x).ticks(6).tickFormat(d3.format("d")));
  svg.append("g").attr("transform", `translate(${left},0)`).call(d3.axisLeft(y).tickValues(ticks).tickFormat((tick) => number(tick)));
  svg.selectAll(".tick text").attr("font-size", 13);
  svg.append("line").attr("x1", left).attr("x2", width - right).attr("y1", y(0)).attr("y2", y(0)).attr("stroke", "#999");
  const place = (_, at) => x(years[at]);
  for (const line of shown) {
    if (line.low) {
      const area = d3.area().defined((_, at) => line.low[at] !== null && line.high[at] !== null).x(place)
        .y0((_, at) => y(line.low[at])).y1((_, at) => y(line.high[at]));
      svg.append("path").attr("d", area(line.low)).attr("fill", line.colour).attr("opacity", 0.18);
    }
    const drawn = d3.line().defined((value) => value !== null).x(place).y((value) => y(value));
    svg.append("path").attr("d", drawn(line.values)).attr("fill", "none").attr("stroke", line.colour)
      .attr("stroke-width", 2).attr("stroke-dasharray", line.dash);
  }
  const rule = svg.append("line").attr("y1", top).attr("y2", height - bottom).attr("stroke", "#222").attr("opacity", 0);
  const readout = figure.append("p").attr("class", "readout").attr("aria-live", "polite");
  let at = known.length - 1;
  const read = (next) => {
    at = Math.max(0, Math.min(known.length - 1, next));
    rule.attr("x1", x(known[at])).attr("x2", x(known[at])).attr("opacity", 0.6);
    const told = shown.map((line) => {
      const index = years.indexOf(known[at]);
      const band = line.low && line.low[index] !== null ? ` (${number(line.low[index])} to ${number(line.high[index])})` : "";
      return `${line.name} ${number(line.values[index], line.exact)}${band}`;
    });
    readout.text(`${known[at]}: ${told.join("; ")}`);
  };
  svg.on("pointermove", (event) => read(d3.bisectCenter(known, x.invert(d3.pointer(event)[0]))));
  svg.on("focus", () => read(at));
  svg.on("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step) {
      event.preventDefault();
      read(at + step);
    }
  });
  read(at);
}

function alignmentRows(code) {
  return Object.entries(study.alignment).flatMap(([branch, found]) => (found[code] ? [[branch, ...found[code]]] : []));
}

// Views

function pairView(main, state) {
  const { a, b } = state;
  const [row, backwards] = pairOf(a, b);
  main.append("h1").text(`${nameOf(a)} and ${nameOf(b)}`);
  const controls = main.append("div").attr("class", "controls");
  search(controls, "First country", state, "a");
  search(controls, "Second country", state, "b");
  if (a === b) {
    main.append("p").text("Choose two different countries.");
    return;
  }
  if (row === undefined) {
    main.append("p").text("These two countries have no link, or one too weak for this page. The tables of the study have all links.");
    return;
  }
  const lines = (name, values, at) => ({ name, values, colour: COLOURS[at % 6], dash: DASHES[at % 6] });
  const columns = [["year", study.years]];
  for (const kind of kinds) {
    const stored = turned(kind, backwards);
    const title = SERIES[kind](nameOf(a), nameOf(b));
    const observed = series(`${stored}/observed`, row);
    main.append("h2").text(title);
    const charts = main.append("div").attr("class", "charts");
    const expected = study.nulls.map((model) => series(`${stored}/${model}/expected`, row));
    const z = study.nulls.map((model) => series(`${stored}/${model}/z`, row));
    columns.push([`${kind} observed`, observed]);
    study.nulls.forEach((model, at) => columns.push([`${kind} expected ${model}`, expected[at]], [`${kind} z ${model}`, z[at]]));
    chart(charts, "Observed, and expected by each null model", [
      { name: "observed", values: observed, colour: "#000000", dash: "", exact: true },
      ...study.nulls.map((model, at) => lines(model, expected[at], at)),
    ]);
    chart(charts, `z under each null model${study.draws ? ", with 95 % intervals" : ""}`, study.nulls.map((model, at) => {
      const line = lines(model, z[at], at);
      const [low, high] = ["z_low", "z_high"].map((end) => series(`${stored}/${model}/${end}`, row));
      if (low.some((value) => value !== null)) {
        Object.assign(line, { low, high });
        columns.push([`${kind} z_low ${model}`, low], [`${kind} z_high ${model}`, high]);
      }
      return line;
    }), true);
  }
  main.append("h2").text("Plain indices");
  const charts = main.append("div").attr("class", "charts");
  for (const [name, label] of Object.entries(INDICES)) {
    const values = series(`index/${backwards ? name.replace(/_(out|in)$/, (way) => (way === "_out" ? "_in" : "_out")) : name}`, row);
    if (values.some((value) => value !== null)) {
      columns.push([name, values]);
      chart(charts, label, [lines(label, values, 0)]);
    }
  }
  const found = Object.entries(study.archetypes).map(([branch, known]) => [branch, known[row]]);
  if (found.length) {
    table(main, "Archetype of the pair in each branch", [
      { name: "branch", value: ([branch]) => branch },
      { name: "archetype", value: ([, known]) => known?.[0] ?? "not in the panel" },
      { name: "share of perturbed clusterings that agree", number: true, value: ([, known]) => known?.[1] },
    ], found);
  }
  download(main, `${a}-${b}.csv`, columns.map(([name]) => name), study.years.map((_, at) => columns.map(([, values]) => values[at])));
}

function countryView(main, state) {
  const { country } = state;
  main.append("h1").text(nameOf(country));
  const controls = main.append("div").attr("class", "controls");
  search(controls, "Country", state, "country");
  choose(controls, "Null model", state, "null", study.nulls.map((model) => [model, model]));
  const charts = main.append("div").attr("class", "charts");
  const works = byCode.get(country).works.map((value) => value ?? null);
  const world = study.years.map((_, at) => d3.sum(study.countries, (other) => other.works[at] ?? 0));
  chart(charts, "Works in the data", [{ name: nameOf(country), values: works, colour: "#000000", dash: "", exact: true }]);
  chart(charts, "Share in the works of all countries, %", [
    { name: nameOf(country), values: works.map((value, at) => (value === null || !world[at] ? null : (100 * value) / world[at])), colour: "#000000", dash: "" },
  ]);
  const poles = study.poles.filter((pole) => pole !== country);
  for (const kind of kinds) {
    chart(charts, `z, ${kind === "collaboration" ? "works of both" : kind === "citation>" ? `${nameOf(country)} cites the pole` : `the pole cites ${nameOf(country)}`}`,
      poles.map((pole, at) => {
        const [row, backwards] = pairOf(country, pole);
        const colour = study.colours[study.poles.indexOf(pole)] ?? COLOURS[at];
        return { name: nameOf(pole), values: series(`${turned(kind, backwards)}/${state.null}/z`, row), colour, dash: DASHES[at] };
      }), true);
  }
  const partners = partnersOf(country).map((code) => [code, ...study.layers.map((layer) => recentZ(country, code, layer, state.null))]);
  const period = study.recent[0] === study.recent[1] ? study.recent[0] : `${study.recent[0]} to ${study.recent[1]}`;
  const columns = [
    { name: "partner", value: ([code]) => nameOf(code), link: ([code]) => addressOf({ ...state, view: "pair", a: country, b: code }) },
    ...study.layers.map((layer, at) => ({ name: `mean z, ${layer}`, number: true, value: (row) => row[at + 1] })),
  ];
  study.layers.forEach((layer, at) => {
    const ranked = partners.filter((row) => row[at + 1] !== null).sort((p, q) => q[at + 1] - p[at + 1] || d3.ascending(p[0], q[0]));
    const above = ranked.filter((row) => row[at + 1] > study.threshold);
    main.append("h2").text(`Partners in ${layer}, ${period}`);
    main.append("p").text(`${above.length} of ${ranked.length} partners have a mean z above ${study.threshold}; `
      + `${ranked.filter((row) => row[at + 1] < 0).length} have fewer links than expected (z below 0).`);
    const lists = main.append("div").attr("class", "charts");
    table(lists, "Most above expectation", columns, ranked.slice(0, 10));
    table(lists, "Most below expectation", columns, ranked.slice(-10).reverse());
  });
  const aligned = alignmentRows(country);
  if (aligned.length) {
    main.append("h2").text("Between the poles");
    table(main, "Group by archetypes with the poles, and alignment index (above 0: towards the first pole)", [
      { name: "branch", value: ([branch]) => branch },
      { name: "group", value: (row) => row[1] },
      { name: "index", number: true, value: (row) => row[2] },
      { name: "95 % interval", value: (row) => (row[2] === null ? "–" : `${number(row[3])} to ${number(row[4])}`) },
      ...poles.map((pole) => ({
        name: `archetype with ${nameOf(pole)}`,
        value: ([branch]) => study.archetypes[branch]?.[pairOf(country, pole)[0]]?.[0] ?? "not in the panel",
      })),
    ], aligned);
  }
  download(main, `${country}.csv`, ["partner", "name", ...study.layers.map((layer) => `mean z ${layer} ${state.null}`)],
    partners.map(([code, ...z]) => [code, nameOf(code), ...z]));
}

function mapView(main, state) {
  const { pole, layer, year } = state;
  const at = study.years.indexOf(Number(year));
  main.append("h1").text(`${nameOf(pole)}: z of its links, ${layer}, ${year}`);
  const controls = main.append("div").attr("class", "controls");
  search(controls, "Country", state, "pole");
  choose(controls, "Layer", state, "layer", study.layers.map((name) => [name, name]));
  choose(controls, "Year", state, "year", study.years.map((value) => [String(value), String(value)]));
  choose(controls, "Null model", state, "null", study.nulls.map((model) => [model, model]));
  const ways = kinds.filter((kind) => kind.startsWith(layer));
  const rows = partnersOf(pole).map((code) => {
    const [row, backwards] = pairOf(pole, code);
    const values = ways.map((kind) => series(`${turned(kind, backwards)}/${state.null}/z`, row)[at]).filter((value) => value !== null);
    const works = d3.sum(ways, (kind) => series(`${turned(kind, backwards)}/observed`, row)[at] ?? 0);
    return { code, z: values.length ? d3.mean(values) : null, works };
  }).filter((row) => row.z !== null).sort((p, q) => q.z - p.z || d3.ascending(p.code, q.code));
  const end = d3.quantile(rows.map((row) => Math.abs(row.z)).sort(d3.ascending), 0.9) || 1;
  const shade = d3.scaleDiverging([-end, 0, end], d3.interpolatePuOr).clamp(true);
  const colour = new Map(rows.map((row) => [row.code, shade(row.z)]));
  const text = new Map(rows.map((row) => [row.code, `${nameOf(row.code)}: z ${number(row.z)}, observed ${number(row.works, true)}`]));
  const svg = main.append("svg").attr("class", "chart map").attr("viewBox", "-2740 -1340 5480 2500").attr("role", "group")
    .attr("aria-label", `Map of z of the links of ${nameOf(pole)} in ${year}. The table below has the same numbers.`);
  svg.append("path").attr("d", study.shapes.outline).attr("fill", "#f3f6f8").attr("stroke", "none");
  svg.append("path").attr("d", study.shapes.others).attr("fill", "#ffffff");
  for (const [code, shape] of Object.entries(study.shapes.countries)) {
    const fill = code === pole ? "#222222" : colour.get(code) ?? "#ffffff";
    const known = byCode.has(code) && code !== pole;
    const box = known ? svg.append("a").attr("href", addressOf({ ...state, view: "pair", a: pole, b: code })).attr("tabindex", -1) : svg;
    const drawn = box.append("path").attr("d", shape.path || "M0 0").attr("fill", fill).attr("data-code", code);
    drawn.append("title").text(text.get(code) ?? `${nameOf(code)}: ${code === pole ? "the country itself" : "no z"}`);
    if (shape.small && colour.has(code)) {
      box.append("circle").attr("cx", shape.middle[0]).attr("cy", shape.middle[1]).attr("r", 22).attr("fill", fill)
        .attr("stroke", "#555").attr("stroke-width", 4).append("title").text(text.get(code));
    }
  }
  const legend = main.append("p");
  for (const value of [-end, -end / 2, 0, end / 2, end]) {
    legend.append("span").attr("class", "swatch").style("background", shade(value));
    legend.append("span").text(`${number(value)}   `);
  }
  legend.append("span").text("White: no z. Black: the country itself. Borders are those of Natural Earth.");
  table(main, `Partners of ${nameOf(pole)}, ${year}`, [
    { name: "partner", value: (row) => nameOf(row.code), link: (row) => addressOf({ ...state, view: "pair", a: pole, b: row.code }) },
    { name: "z", number: true, value: (row) => row.z },
    { name: "observed", number: true, exact: true, value: (row) => row.works },
  ], rows);
  download(main, `${pole}-${layer}-${year}.csv`, ["partner", "name", `z ${state.null}`, "observed"],
    rows.map((row) => [row.code, nameOf(row.code), row.z, row.works]));
}

function claimsView(main, state) {
  main.append("h1").text("Claims and verdicts");
  const controls = main.append("div").attr("class", "controls");
  choose(controls, "Claim", state, "claim", [["", "all claims"], ...study.claims.map((claim) => [claim.id, claim.statement])]);
  const chosen = study.claims.filter((claim) => !state.claim || claim.id === state.claim);
  for (const claim of chosen) {
    main.append("h2").append("a").attr("href", addressOf({ ...state, claim: claim.id })).text(claim.statement);
    const counts = d3.rollups(claim.verdicts, (group) => group.length, ([, , verdict]) => verdict);
    main.append("p").text(counts.map(([verdict, count]) => `${verdict} in ${count}`).join(", ") + ` of ${claim.verdicts.length} branches.`);
    const details = main.append("details").property("open", Boolean(state.claim));
    details.append("summary").text("Verdict in each branch, and why");
    table(details, "", [
      { name: "branch", value: ([variant, model]) => `${variant}, ${model}` },
      { name: "verdict", value: ([, , verdict]) => verdict },
      { name: "why", value: (verdict) => verdict[3] },
    ], claim.verdicts).selectAll("tbody tr td:nth-child(2)").attr("class", (row) => `verdict ${row[2].replaceAll(" ", "-")}`);
  }
  download(main, "claims.csv", ["claim", "statement", "variant", "null", "verdict", "why"],
    chosen.flatMap((claim) => claim.verdicts.map((verdict) => [claim.id, claim.statement, ...verdict])));
}

const VIEWS = {
  pair: ["Two countries", pairView],
  country: ["A country", countryView],
  map: ["Map", mapView],
  claims: ["Claims", claimsView],
};

function show(moved) {
  const state = stateOf(location.hash);
  document.body.classList.toggle("embedded", state.embed === "1");
  d3.select("nav").selectAll("a").data(Object.entries(VIEWS)).join("a").text(([, [name]]) => name)
    .attr("href", ([view]) => addressOf({ ...state, view })).attr("aria-current", ([view]) => (view === state.view ? "page" : null));
  const main = d3.select("main");
  main.selectAll("*").remove();
  VIEWS[state.view][1](main, state);
  document.title = `${main.select("h1").text()} – explorer of the study`;
  document.body.dataset.ready = addressOf(state);
  if (moved === true && !main.node().contains(document.activeElement)) {
    main.node().focus({ preventScroll: true });
  }
}

d3.select(".variant").text(study.variant);
d3.select(".note").text(study.note).attr("hidden", study.note ? null : "");
if (study.all_pairs > study.pairs.length) {
  d3.select(".left-out").attr("hidden", null)
    .text(`This page holds the ${whole(study.pairs.length)} strongest of ${whole(study.all_pairs)} pairs of countries.`);
}
unpack(study.packed).then((unpacked) => {
  arrays = unpacked;
  window.addEventListener("hashchange", () => show(true));
  show();
}).catch((error) => {
  d3.select("main").text(`The data cannot be read: ${error}. A browser of 2023 or newer is needed.`);
  throw error;
});
