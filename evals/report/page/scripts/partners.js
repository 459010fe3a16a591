// With which other runs can one run be compared, so that one thing alone differs?

const KINDS = [
  [
    "Another condition",
    "the same case, seed, replicate and policy",
    (a, b) => a.case === b.case && a.condition !== b.condition && blockOf(a) === blockOf(b),
  ],
  [
    "Another seed",
    "the same case and condition, drawn anew",
    (a, b) => a.case === b.case && a.condition === b.condition && a.policy === b.policy,
  ],
  [
    "Another policy",
    "the same case, condition, seed and replicate",
    (a, b) =>
      a.case === b.case &&
      a.condition === b.condition &&
      a.policy !== b.policy &&
      a.seed === b.seed &&
      a.replicate === b.replicate,
  ],
  [
    "A twin of the case",
    "the same condition, seed and replicate; the case differs in what should not matter",
    (a, b) => a.case !== b.case && a.condition === b.condition && blockOf(a) === blockOf(b),
  ],
];

/** The runs that a run can be compared with, by what differs. */
async function viewPartners(params) {
  const mine = DATA.runs.get(params.compare);
  if (!mine) return missing(`No run ${params.compare} is in this report.`);
  const groups = partnersOf(mine).filter((group) => group.uses.length);
  const all = groups.flatMap((group) => group.uses.map((use) => `${mine.id},${use.id}`));
  listed("pair", all);
  const says = all.length
    ? "Choose the run to set beside it. n and p then go through this list."
    : "No other run shares its case, so there is nothing to set beside it.";
  const node = h(
    "section",
    { class: "runs" },
    h("p", { class: "trail" }, link({ runs: "" }, "Runs")),
    h("h1", null, "Compare ", inline(mine.case)),
    h("p", null, brief(mine), ` · seed ${mine.seed} · `, link({ run: mine.id }, h("code", null, mine.id))),
    h("p", { class: "quiet" }, says),
    groups.map((group) =>
      h(
        "section",
        null,
        h("h2", null, `${group.title} (${group.uses.length})`),
        h("p", { class: "quiet" }, group.says),
        partnerTable(mine, group),
      ),
    ),
  );
  return { node, title: `Compare ${mine.id}`, turns: 0, update: (now) => now.compare === params.compare };
}

/** By what differs, each once; conditions that differ in the fewest parts come first. */
function partnersOf(mine) {
  const left = new Map();
  for (const use of DATA.rows)
    if (use.source === mine.source && use.cluster === mine.cluster && use.id !== mine.id) left.set(use.id, use);
  const apart = (use) => partsOf(use.condition).filter((part) => !partsOf(mine.condition).includes(part)).length;
  return KINDS.map(([title, says, fits]) => {
    const uses = [...left.values()].filter((use) => fits(mine, use));
    for (const use of uses) left.delete(use.id);
    return { title, says, uses: uses.sort((a, b) => apart(a) - apart(b)) };
  });
}

function partnerTable(mine, group) {
  const outcomes = (DATA.index.outcomes[mine.setting] || []).slice(0, 3);
  const differs = ["condition", "case", "seed", "replicate", "policy", "role"].filter((name) =>
    group.uses.some((use) => use[name] !== mine[name]),
  );
  const head = [...differs, ...outcomes.map((outcome) => outcome.name)];
  const words = (use, name) =>
    name === "condition" ? brief(use) : name === "role" ? called("role", use.role) : use[name];
  const cells = (use) =>
    differs.map((name, i) => {
      const shown = i ? words(use, name) : link({ pair: `${mine.id},${use.id}` }, inline(words(use, name)));
      return h(i ? "td" : "th", i ? null : { scope: "row" }, shown);
    });
  const values = (use) => outcomes.map(({ name }) => h("td", { class: "number" }, number(use.values[name], 3)));
  const own = h(
    "tr",
    { class: "own" },
    differs.map((name, i) =>
      h(
        i ? "td" : "th",
        i ? null : { scope: "row" },
        i ? words(mine, name) : ["this run: ", inline(words(mine, name))],
      ),
    ),
    values(mine),
  );
  const title = (name) =>
    h(
      "th",
      { scope: "col", class: outcomes.some((outcome) => outcome.name === name) ? "number" : null },
      name.replaceAll("_", " "),
    );
  return scrolled(
    group.title,
    h(
      "table",
      { class: "list" },
      h("caption", { class: "sr-only" }, group.title),
      h("thead", null, h("tr", null, head.map(title))),
      h(
        "tbody",
        null,
        own,
        group.uses.map((use) => h("tr", null, cells(use), values(use))),
      ),
    ),
  );
}
