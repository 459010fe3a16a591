// What differs between two runs in what was set and in what came of it, and what the same does in all such pairs?

/** What differs between two runs, and only that: case, condition, seed, settings, seats. */
function whatDiffers({ runs, uses }) {
  const conditions = onlyApart(uses.one.condition, uses.other.condition);
  const [a, b] = [describedRun(runs[0], uses.one, conditions[0]), describedRun(runs[1], uses.other, conditions[1])];
  const labels = [...new Set([...a.keys(), ...b.keys()])].filter((label) => a.get(label) !== b.get(label));
  const settings = new Set(labels);
  const told = conditions.every((words) => words.split(" × ").every((part) => settings.has(part.split("=")[0])));
  const rows = labels
    .filter((label) => label !== "condition" || !told)
    .map((label) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, inline(label)),
        [a, b].map((side) => h("td", null, side.has(label) ? inline(side.get(label)) : "as by default")),
      ),
    );
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, "what"),
    SIDES.map((side) => h("th", { scope: "col" }, side.sign)),
  );
  const table = h(
    "table",
    null,
    h("caption", { class: "sr-only" }, "What differs between the two runs"),
    h("thead", null, head),
    h("tbody", null, rows),
  );
  return h(
    "section",
    { class: "apart", "aria-labelledby": "apart-title" },
    h("h2", { id: "apart-title" }, "What differs between them"),
    rows.length
      ? scrollBox("what differs", table)
      : h("p", null, "Nothing that was set: they are one condition, seed and replicate."),
  );
}

/** Of two conditions the settings in which they differ, where they are made of as many. */
function onlyApart(one, other) {
  const [a, b] = [one, other].map((condition) => condition.split(" × "));
  if (a.length !== b.length || one === other) return [one, other];
  const apart = a.map((part, i) => part !== b[i]);
  return [a, b].map((parts) => parts.filter((_, i) => apart[i]).join(" × "));
}

/** A run as labels and values, to be compared. */
function describedRun(run, use, condition) {
  const told = new Map([
    ["case", run.case.title === run.case.name ? run.case.name : `${run.case.title} (${run.case.name})`],
  ]);
  const put = (label, value) =>
    value !== "" && value !== null && value !== undefined && told.set(label, String(value));
  put("condition", condition);
  put("role", DATA.index.roles[use.role] || use.role);
  for (const name of ["seed", "replicate", "policy"]) put(name, use[name]);
  for (const [label, value] of run.protocol || []) put(label, value);
  for (const seat of run.seats) {
    put(`seat ${seat.seat}`, seat.persona);
    put(`seat ${seat.seat} speaks by`, seat.speaks === "reference" ? "reference negotiator" : seat.speaks);
    for (const [label, value] of seat.facts || []) if (label !== "source") put(`seat ${seat.seat}: ${label}`, value);
  }
  return told;
}

/** What this pair came to in each outcome, and what all such pairs did. */
function effectSection({ runs, uses }) {
  if (runs[0].setting !== runs[1].setting)
    return h("p", { class: "quiet" }, "Runs of two settings share no outcome.");
  const outcomes = DATA.index.outcomes[runs[0].setting] || [];
  const [one, other] = [uses.one, uses.other];
  const alike = one.condition === other.condition;
  const key = alike ? (one.seed !== other.seed ? "seed" : "replicate") : "";
  const all = alike ? spreadOver(one, key) : effectBetween(one, other);
  const rows = outcomes.filter(
    (o) => [one, other].some((use) => typeof use.values[o.name] === "number") || all?.has(o.name),
  );
  const body = rows.map((o) => effectRow(o, one, other, alike, all ? toldOnce(all, o.name) : null));
  const table = h(
    "table",
    { class: "effects" },
    h("caption", null, captionOf(one, other, alike, key, all)),
    h("thead", null, all ? groupHeads(alike) : null, effectHeads(alike, all)),
    h("tbody", null, body),
  );
  return h(
    "section",
    { class: "effect", "aria-labelledby": "effect-title" },
    h(
      "h2",
      { id: "effect-title" },
      alike
        ? "What came of this pair, and how far such runs lie apart"
        : "What came of this pair, and the paired effect over all such pairs",
    ),
    one.cluster === other.cluster ? null : h("p", { class: "none" }, mismatched(one)),
    all ? null : h("p", { class: "none" }, "None was worked out for these two conditions."),
    rows.length
      ? scrollBox("outcomes of this pair and of all such pairs", table)
      : h("p", null, "No outcome is known of either."),
  );
}

function mismatched(use) {
  const unit = DATA.index.units[use.source] || "case";
  return `These two are of two ${unit}s: how they differ is not the effect of a condition alone.`;
}

function effectHeads(alike, all) {
  const over = !all ? [] : alike ? ["mean distance", "n"] : ["mean ① − ②", "95 % interval", "p", "n"];
  const heads = ["outcome", SIDES[0].sign, SIDES[1].sign, "① − ②", ...over];
  return h(
    "tr",
    null,
    heads.map((words) => h("th", { scope: "col" }, words)),
  );
}

function groupHeads(alike) {
  const over = (colspan, words) => h("th", { scope: "colgroup", colspan }, h("span", null, words));
  return h("tr", { class: "over" }, h("td", null), over(3, "this pair"), over(alike ? 2 : 4, "all such pairs"));
}

function captionOf(one, other, alike, key, all) {
  const unit = DATA.index.units[one.source] || "case";
  if (alike)
    return `Pairs of complete runs of one ${unit} and condition with another ${key}; the mean of their absolute differences is worked out here, in the page.`;
  if (!all) return "① − ② is the first less the second.";
  const note = sameNote(all);
  return `① − ② is the first less the second; on the right its mean over pairs of complete runs of one ${unit}, seed, replicate and policy${note ? `: ${note}` : ""}.`;
}

function toldOnce(all, name) {
  const found = all.get(name);
  return found && found.note === sameNote(all) ? { ...found, note: "" } : found;
}

/** The note that every outcome carries, told once; empty where they differ. */
function sameNote(all) {
  const notes = new Set([...all.values()].filter((o) => o.n).map((o) => o.note || ""));
  return notes.size === 1 ? [...notes][0] : "";
}

function effectRow(o, one, other, alike, all) {
  const [a, b] = [one.values[o.name], other.values[o.name]].map((v) => (typeof v === "number" ? v : null));
  const apart = a === null || b === null ? null : a - b;
  const size = Math.max(...[a, b, all?.mean, all?.low, all?.high].map((v) => Math.abs(v || 0)));
  const digits = size >= 100 ? 1 : size >= 10 ? 2 : 3;
  const n = all
    ? [
        grouped(all.n),
        h("small", null, ` in ${plural(all.clusters, DATA.index.units[one.source] || "case")}`),
        all.note ? h("small", { class: "note" }, inline(all.note)) : null,
      ]
    : "–";
  const mean = h("td", { class: "num" }, all ? number(all.mean, digits, !alike) : "–");
  const interval =
    !all || typeof all.low !== "number"
      ? "–"
      : `${number(all.low, digits, true)} to ${number(all.high, digits, true)}`;
  const sure = [
    h("td", { class: "num" }, interval),
    h("td", { class: "num" }, all && typeof all.p === "number" ? pValue(all.p) : "–"),
  ];
  return h(
    "tr",
    null,
    h(
      "th",
      { scope: "row" },
      inline(o.says || o.name),
      h("small", null, inline(o.unit), o.better ? [o.unit ? "; " : "", `${o.better} is better`] : null),
    ),
    [a, b].map((value) => h("td", { class: "num" }, number(value, digits))),
    h("td", { class: "num" }, number(apart, digits, true)),
    all ? [mean, alike ? null : sure, h("td", { class: "num" }, n)] : null,
  );
}
