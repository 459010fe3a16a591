// Which runs are there, and which of them does one want to read?

const FACETS = ["source", "setting", "condition", "case", "role", "status", "speaks", "policy"];

const ROWS_AT_ONCE = 100;

/** More values than this are typed, not chosen. */
const CHOICES = 60;

async function viewRuns(params) {
  if (params.compare !== undefined) return viewPartners(params);
  const body = h("div");
  const form = filters();
  const node = h("section", { class: "runs" }, h("h1", null, "Runs"), form, body);
  const drawAll = (now) => {
    fillFilters(form, now);
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    body.replaceChildren(...drawnRuns(now));
    const again = focused && body.querySelector(`[data-key="${CSS.escape(focused)}"]`);
    if (again) again.focus({ preventScroll: true });
  };
  drawAll(params);
  let last = params;
  const update = (now) => {
    if (now.compare !== undefined) return false;
    if (address(now) !== address(last)) drawAll(now);
    const found = now.q !== last.q && body.querySelector("h2");
    if (found) found.focus();
    last = now;
    return true;
  };
  return { node, title: "Runs", turns: 0, update };
}

/** A field for every column in which runs differ, but none for the setting where the source tells it anyway. */
function filters() {
  const form = h("form", { class: "filters", "aria-label": "Filter runs" });
  for (const name of FACETS) {
    const counts = new Map();
    for (const use of DATA.rows) counts.set(use[name], (counts.get(use[name]) || 0) + 1);
    const told = name === "setting" && counts.size === new Set(DATA.rows.map((use) => use.source)).size;
    if (counts.size > 1 && !told) form.append(h("label", null, h("span", null, name), facet(name, counts)));
  }
  form.append(h("button", { type: "button", class: "clear", onclick: () => go({ runs: "" }) }, "All runs"));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target.name) go({ ...here(), [event.target.name]: event.target.value }, { replace: true });
  });
  return form;
}

/** What a value of a column is called. */
function called(name, value) {
  if (value === "" || value === null) return "none";
  if (name === "role") return DATA.index.roles[value] || value;
  return String(value);
}

function facet(name, counts) {
  if (counts.size > CHOICES) {
    const list = h(
      "datalist",
      { id: `choices-${name}` },
      [...counts.keys()].map((value) => h("option", { value })),
    );
    return h(
      "span",
      { class: "typed" },
      h("input", { type: "search", name, list: list.id, placeholder: `any of ${counts.size}` }),
      list,
    );
  }
  const short = name === "condition" ? new Map(DATA.rows.map((use) => [use.condition, brief(use)])) : null;
  const options = [...counts].map(([value, n]) =>
    h(
      "option",
      { value: value === "" ? "none" : value },
      `${(short && short.get(value)) || called(name, value)} (${n.toLocaleString("en")})`,
    ),
  );
  return h("select", { name }, h("option", { value: "" }, "any"), options);
}

function fillFilters(form, params) {
  let some = Boolean(params.q);
  for (const field of form.querySelectorAll("[name]")) {
    const wanted = params[field.name] || "";
    field.value = wanted;
    some = some || wanted !== "";
  }
  form.querySelector(".clear").hidden = !some;
}

/** Whether a run is wanted: its value as named, or, where no run has just that, every word of it somewhere in it. */
function wantedBy(params) {
  const asked = FACETS.filter((name) => params[name]);
  const tests = asked.map((name) => {
    const wanted = params[name];
    const exact = DATA.rows.some((use) => use[name] === wanted || (wanted === "none" && use[name] === ""));
    const words = wanted.toLowerCase().split(/\s+/);
    return exact
      ? (use) => use[name] === wanted || (wanted === "none" && use[name] === "")
      : (use) => words.every((word) => String(use[name]).toLowerCase().includes(word));
  });
  return (use) => tests.every((test) => test(use));
}

function drawnRuns(params) {
  const uses = sorted(DATA.rows.filter(wantedBy(params)), params.sort || "");
  const ids = [...new Set(uses.map((use) => use.id))];
  if (params.q && testsOf(params.q).length) return [searchHead(params), searchBox(params.q, uses)];
  listed("run", ids);
  const whole = DATA.runs.size;
  const of = ids.length === whole ? "" : ` of ${whole.toLocaleString("en")}`;
  const count = h(
    "p",
    { class: "count", role: "status" },
    `${ids.length.toLocaleString("en")}${of} runs${alikeIn(uses)}`,
  );
  if (!ids.length) return [count, h("p", null, "No run is like that. ", link({ runs: "" }, "Show all runs"), ".")];
  return [count, outcomesChosen(params, uses), tableOf(uses, params)];
}

function searchHead(params) {
  return h(
    "h2",
    { tabindex: "-1" },
    "Arguments that say ",
    h("q", null, inline(params.q)),
    " ",
    link({ ...params, q: null }, "the list of runs again"),
  );
}

/** What all of these runs have in common and so no column tells. */
function alikeIn(uses) {
  const same = ["condition", "speaks", "status"].filter(
    (name) => uses.length && uses.every((use) => use[name] === uses[0][name]),
  );
  const words = {
    condition: () => brief(uses[0]),
    speaks: () => `spoken by ${uses[0].speaks}`,
    status: () => uses[0].status,
  };
  return same.length && uses.length > 1 ? ` · all: ${same.map((name) => words[name]()).join(", ")}` : "";
}

/** By a column or an outcome, `-` before it for from high to low; what is missing comes last. */
function sorted(uses, by) {
  if (!by) return uses;
  const down = by.startsWith("-") ? -1 : 1;
  const name = by.replace(/^-/, "");
  const value = (use) => (name in use ? use[name] : use.values[name]);
  const missing = (x) => x === null || x === undefined;
  const order = (x, y) =>
    typeof x === "number" && typeof y === "number"
      ? x - y
      : String(x).localeCompare(String(y), "en", { numeric: true });
  return [...uses].sort((one, other) => {
    const [x, y] = [value(one), value(other)];
    if (missing(x) || missing(y)) return missing(x) - missing(y);
    return down * order(x, y);
  });
}

/** The outcomes that these runs may be listed with; shown are those chosen, and the one that they are sorted by. */
function outcomesOf(uses) {
  const settings = [...new Set(uses.map((use) => use.setting))];
  return settings.flatMap((setting) => DATA.index.outcomes[setting] || []);
}

function outcomesShown(params, uses) {
  const all = outcomesOf(uses);
  const one = new Set(uses.map((use) => use.setting)).size === 1;
  const named = params.show === undefined ? all.slice(0, one ? 3 : 0).map(({ name }) => name) : params.show.split(",");
  return all.filter(({ name }) => named.includes(name) || name === (params.sort || "").replace(/^-/, ""));
}

function outcomesChosen(params, uses) {
  const all = outcomesOf(uses);
  const shown = outcomesShown(params, uses).map((outcome) => outcome.name);
  const choose = (name, on) => {
    const now = all.map((outcome) => outcome.name).filter((other) => (other === name ? on : shown.includes(other)));
    OPEN.outcomes = true;
    go({ ...here(), show: now.join(",") || "none" }, { replace: true });
  };
  const boxes = all.map((outcome) =>
    h(
      "li",
      null,
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          "data-key": `show-${outcome.name}`,
          checked: shown.includes(outcome.name),
          onchange: (event) => choose(outcome.name, event.target.checked),
        }),
        h("span", null, h("b", null, outcome.name), ` ${outcome.says}; ${outcome.better} is better`),
      ),
    ),
  );
  const details = h(
    "details",
    { class: "outcomes", open: OPEN.outcomes },
    h("summary", null, `Outcomes: ${shown.join(", ") || "none chosen"}`),
    h("ul", null, boxes),
  );
  details.addEventListener("toggle", () => (OPEN.outcomes = details.open));
  return details;
}

/** What was opened stays open when the list is drawn anew. */
const OPEN = { outcomes: false };

/** The table, a hundred rows at first and more as its end comes near. */
function tableOf(uses, params) {
  const columns = columnsOf(uses, outcomesShown(params, uses));
  const body = h("tbody");
  const head = h(
    "thead",
    null,
    h(
      "tr",
      null,
      columns.map((column) => heading(column, params)),
    ),
  );
  const table = h("table", { class: "list" }, h("caption", { class: "sr-only" }, "Runs"), head, body);
  const more = h("button", { type: "button", class: "more" });
  let drawnRows = 0;
  const draw = () => {
    add(
      body,
      uses.slice(drawnRows, drawnRows + ROWS_AT_ONCE).map((use) =>
        h(
          "tr",
          null,
          columns.map((column) => column.cell(use)),
        ),
      ),
    );
    drawnRows = Math.min(uses.length, drawnRows + ROWS_AT_ONCE);
    more.hidden = drawnRows >= uses.length;
    more.textContent = `Show more (${drawnRows.toLocaleString("en")} of ${uses.length.toLocaleString("en")} are shown)`;
  };
  more.addEventListener("click", draw);
  draw();
  new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && drawnRows && draw(), {
    rootMargin: "600px",
  }).observe(more);
  return h("div", null, scrolled("Runs", table), more);
}

function columnsOf(uses, outcomes) {
  const differs = (name) => uses.some((use) => use[name] !== uses[0][name]);
  const text = (name, title, words) => ({ name, title, cell: (use) => h("td", null, words(use)) });
  const count = (name, title) => ({
    name,
    title,
    number: true,
    cell: (use) => h("td", { class: "number" }, use[name]),
  });
  return [
    { name: "case", title: "run", cell: (use) => h("th", { scope: "row" }, link({ run: use.id }, inline(use.case))) },
    differs("source") && text("source", "source", (use) => use.source),
    differs("condition") && text("condition", "condition", (use) => h("span", { title: use.condition }, brief(use))),
    differs("speaks") && text("speaks", "who speaks", (use) => inline(use.speaks)),
    uses.some((use) => use.role !== "study") &&
      text("role", "role", (use) => (use.role === "study" ? "" : called("role", use.role))),
    differs("policy") && text("policy", "policy", (use) => use.policy),
    count("seed", "seed"),
    differs("replicate") && count("replicate", "replicate"),
    ...outcomes.map((outcome) => ({
      name: outcome.name,
      title: outcome.name.replaceAll("_", " "),
      number: true,
      says: `${outcome.says}; ${outcome.better} is better`,
      cell: (use) => h("td", { class: "number" }, number(use.values[outcome.name], 3)),
    })),
    differs("status") &&
      text("status", "status", (use) => h("span", { class: use.status === "complete" ? null : "warn" }, use.status)),
    differs("incidents") && count("incidents", "incidents"),
    { title: "", cell: (use) => h("td", null, compareLink(use)) },
  ].filter(Boolean);
}

function compareLink(use) {
  return h(
    "a",
    { href: address({ runs: "", compare: use.id }), "aria-label": `compare ${use.id} with another run` },
    "compare",
  );
}

/** A heading that sorts by its column: rising, then falling, then as recorded. */
function heading(column, params) {
  if (!column.name) return h("td", null);
  const [up, down] = [params.sort === column.name, params.sort === `-${column.name}`];
  const next = up ? `-${column.name}` : down ? "" : column.name;
  const sign = up ? " ↑" : down ? " ↓" : "";
  const press = () => go({ ...here(), sort: next }, { replace: true });
  return h(
    "th",
    {
      scope: "col",
      class: column.number ? "number" : null,
      "aria-sort": up ? "ascending" : down ? "descending" : null,
    },
    h(
      "button",
      { type: "button", class: "plain", "data-key": `sort-${column.name}`, title: column.says || null, onclick: press },
      column.title + sign,
    ),
  );
}
