// What is behind the number of a hypothesis: which pairs of runs, how far apart, and what was said in them?

/** A hypothesis with its pairs, and the median of them (or the one that the address names) open beside the list. */
async function viewFinding(params) {
  const known = DATA.findings.filter((finding) => finding.hypothesis === params.finding);
  const finding = known.find((one) => !params.source || one.source === params.source);
  if (!finding) return noFinding(params, known);
  const pairs = pairsOf(finding);
  const open = openedBeside(finding, pairs);
  const list = pairList(finding, pairs, open);
  const title = h("h1", null, `${finding.hypothesis} `, h("span", { class: "verdict" }, finding.verdict));
  const node = h(
    "section",
    { class: "evidence" },
    h("p", { class: "trail" }, link({}, "Findings"), ` › ${finding.source}`, elsewhere(finding, known)),
    title,
    h("p", { class: "claim" }, inline(finding.claim)),
    h("div", { class: "sum" }, toldOf(finding, pairs), dotPlot(finding, pairs, open)),
    h("div", { class: "beside" }, list, open.box),
  );
  await open.show(params);
  requestAnimationFrame(() => rowInSight(list));
  return {
    node,
    title: `${finding.hypothesis}: ${finding.verdict}`,
    get turns() {
      return open.view ? open.view.turns : 0;
    },
    get place() {
      return open.at ? { ...open.at, source: finding.source } : {};
    },
    inside: (asked) => within(finding, open, asked),
    update: (now) => {
      if (now.finding !== finding.hypothesis || (now.source && now.source !== finding.source)) return false;
      open.show(now).then(() => rowInSight(list));
      return true;
    },
  };
}

function noFinding(params, known) {
  const where = known.length ? ` in ${params.source}` : "";
  const view = missing(
    params.finding ? `This report has no hypothesis ${params.finding}${where}.` : "The address names no hypothesis.",
  );
  const others = DATA.findings.map((one) =>
    h("li", null, link({ finding: one.hypothesis, source: one.source }, one.hypothesis), " ", inline(one.claim)),
  );
  if (others.length) add(view.node, [h("h2", null, "Hypotheses it has"), h("ul", null, others)]);
  return view;
}

/** The same hypothesis in other sources, where one name stands for several. */
function elsewhere(finding, known) {
  const others = known.filter((one) => one !== finding);
  return others.map((one) => [
    " · ",
    link({ finding: one.hypothesis, source: one.source }, `${one.hypothesis} of ${one.source}`),
  ]);
}

/** Pairs of a finding, the greatest difference first, those without a value last: {key, kind, difference, use}. */
function pairsOf(finding) {
  const rows = finding.runs.map(([one, other, difference]) => {
    const alone = other === null || other === one;
    return {
      key: alone ? one : `${one},${other}`,
      kind: alone ? "run" : "pair",
      value: other === null,
      difference,
      use: DATA.runs.get(one),
      here: DATA.runs.has(one) && (alone || DATA.runs.has(other)),
    };
  });
  const none = (row) => row.difference === null;
  rows.sort((a, b) => none(a) - none(b) || b.difference - a.difference);
  return [...new Map(rows.map((row) => [row.key, row])).values()];
}

/** The numbers of a hypothesis, each with what it is. */
function toldOf(f, pairs) {
  const thing = pairs.some((row) => row.kind === "pair") ? "pair" : "run";
  const none = (value) => value === null || value === undefined;
  const range = (low, high) => (none(low) ? "none" : `${number(low, 3, true)} to ${number(high, 3, true)}`);
  const clusters = plural(f.wards ?? f.clusters ?? 0, f.unit);
  const lost = (f.missing || 0) + (f.unmatched || 0);
  const told = [
    ["effect", number(f.difference, 3, true), "big"],
    ["95 % interval", range(f.low, f.high)],
    ["p", none(f.p_holm ?? f.p) ? "–" : pValue(f.p_holm ?? f.p) + (none(f.p_holm) ? "" : " (Holm)")],
    ["n", `${plural(f.pairs || 0, thing)} in ${clusters}${lost ? `, ${lost} without a value` : ""}`],
    ["compares", `${number(f.treatment, 3)} against ${number(f.control, 3)}`],
    ["outcome", h("code", null, f.outcome)],
    [
      "claimed",
      { less: "less than 0", greater: "more than 0", "two-sided": "other than 0" }[f.direction] || f.direction,
    ],
    !none(f.smallest_effect) && ["smallest that matters", number(f.smallest_effect, 3)],
    !none(f.bargaining_low) && ["bargaining alone gives", range(f.bargaining_low, f.bargaining_high)],
    ["standing", f.standing],
    f.note && ["note", f.note],
  ].filter(Boolean);
  return h(
    "dl",
    { class: "told" },
    told.map(([term, words, look]) => h("div", { class: look || null }, h("dt", null, term), h("dd", null, words))),
  );
}

function pValue(p) {
  return p < 0.001 ? "< 0.001" : number(p, 3);
}

/** What is open beside the list: a run or a pair, drawn by its own view, followed from turn to turn. */
function openedBeside(finding, pairs) {
  const box = h("section", { class: "opened", "aria-label": "The run or pair that is open" });
  const open = { box, view: null, at: null, asked: 0, marks: new Map(), key: "" };
  open.show = async (params) => {
    const wanted = params.pair ? { pair: params.pair } : params.run ? { run: params.run } : firstOf(pairs);
    if (!wanted) return void box.replaceChildren(h("p", { class: "quiet" }, "None of its runs is in this report."));
    const kind = wanted.pair ? "pair" : "run";
    const rest = { turn: params.turn, passage: params.passage };
    const inner = Object.fromEntries(Object.entries({ ...wanted, ...rest }).filter(([, value]) => value));
    if (open.view && open.key === wanted[kind] && open.view.update(inner)) return undefined;
    const asked = ++open.asked;
    const view = await drawn(kind, inner);
    if (asked !== open.asked) return undefined;
    const first = !open.view;
    const focused = box.contains(document.activeElement);
    Object.assign(open, { view, at: wanted, key: wanted[kind] });
    box.replaceChildren(alone(wanted), lowered(view.node));
    for (const [key, marks] of open.marks) for (const mark of marks) mark(sameRuns(key, open.key));
    if (!first) broughtIntoSight(box);
    if (!first) announce(view.title);
    if (focused) headed(box);
    if (!first || params.turn || params.passage) requestAnimationFrame(() => view.update(inner));
    return undefined;
  };
  listed(
    pairs.length && pairs[0].kind === "pair" ? "pair" : "run",
    pairs.filter((row) => row.here).map((row) => row.key),
  );
  return open;
}

/** Focus the heading of what was opened, since what had the focus is gone. */
function headed(box) {
  const title = box.querySelector("h2");
  title.setAttribute("tabindex", "-1");
  title.focus({ preventScroll: true });
}

/** What was opened anew begins on the screen. */
function broughtIntoSight(box) {
  const { top } = box.getBoundingClientRect();
  if (top < 0 || top > 0.7 * innerHeight) box.scrollIntoView();
}

/** What is open at first: the median, so that nobody is shown the case that pleases. */
function firstOf(pairs) {
  const here = pairs.filter((row) => row.here);
  const told = here.filter((row) => row.difference !== null);
  const first = told.length ? told[Math.floor((told.length - 1) / 2)] : here[0];
  return first ? { [first.kind]: first.key } : null;
}

/** The way to see what is open on a page of its own. */
function alone(wanted) {
  return h(
    "p",
    { class: "ways" },
    h(
      "a",
      { href: address(wanted), "data-alone": true },
      wanted.pair ? "This pair on a page of its own" : "This run on a page of its own",
    ),
  );
}

function sameRuns(key, other) {
  return key.split(",").sort().join() === other.split(",").sort().join();
}

/** A view within a view: its heading is one below. */
function lowered(node) {
  for (const title of node.querySelectorAll("h1")) {
    const lower = h("h2", null, ...title.childNodes);
    for (const { name, value } of [...title.attributes]) lower.setAttribute(name, value);
    title.replaceWith(lower);
  }
  return node;
}

/** An address of the run that is open anyway stays beside the evidence: a turn, a passage, the pair swapped. */
function within(finding, open, asked) {
  const kind = viewOf(asked);
  if ((kind !== "pair" && kind !== "run") || !open.at || !open.at[kind] || !sameRuns(asked[kind], open.key))
    return asked;
  return { finding: finding.hypothesis, source: finding.source, ...asked };
}

/** The list of pairs: each opens beside it. */
function pairList(finding, pairs, open) {
  const thing = pairs.some((row) => row.kind === "pair") ? "pair" : "run";
  const measured = pairs.every((row) => row.value) ? "value" : "difference";
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, finding.unit),
    h("th", { scope: "col" }, "seed"),
    h("th", { scope: "col", class: "number" }, measured),
  );
  const rows = pairs.map((row) => pairRow(finding, row, open));
  const caption = `${plural(pairs.length, thing)} behind it, the greatest ${measured} first; the median is open at first`;
  const table = h(
    "table",
    { class: "list" },
    h("caption", null, caption),
    h("thead", null, head),
    h("tbody", null, rows),
  );
  return h("nav", { class: "pairs", "aria-label": "Runs behind the number", tabindex: "0" }, table);
}

function pairRow(finding, row, open) {
  const name = row.use ? inline(row.use.case) : row.key;
  const to = { finding: finding.hypothesis, source: finding.source, [row.kind]: row.key };
  const way = row.here ? link(to, name) : h("span", { class: "quiet" }, name, " (not in this report)");
  const tr = h(
    "tr",
    null,
    h("th", { scope: "row" }, way),
    h("td", null, row.use ? row.use.seed + (row.use.replicate ? ` / ${row.use.replicate}` : "") : "–"),
    h("td", { class: "number" }, number(row.difference, 3, true)),
  );
  marking(open, row.key, (on) => {
    tr.classList.toggle("current", on);
    if (on) way.setAttribute("aria-current", "true");
    else way.removeAttribute("aria-current");
  });
  return tr;
}

/** The row of the pair that is open is seen in the list, without the page being scrolled. */
function rowInSight(list) {
  const row = list.querySelector("tr.current");
  if (!row) return;
  const [seen, mine] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  if (mine.top < seen.top || mine.bottom > seen.bottom) list.scrollTop += mine.top - seen.top - seen.height / 2;
}

/** Have something told whenever a pair is opened or left. */
function marking(open, key, mark) {
  open.marks.set(key, [...(open.marks.get(key) || []), mark]);
}

/** Every difference as a dot over its value, dots of one place on top of each other; mean and interval below. */
function dotPlot(finding, pairs, open) {
  const rows = pairs.filter((row) => row.difference !== null);
  if (!rows.length) return null;
  const width = Math.max(280, Math.min(600, innerWidth - 40));
  const at = scaled([0, ...rows.map((row) => row.difference), finding.low, finding.high, finding.difference], width);
  const radius = rows.length > 300 ? 2.5 : rows.length > 120 ? 3.5 : 5;
  const piles = new Map();
  for (const row of rows) {
    const bin = Math.round(at(row.difference) / (2 * radius + 1));
    piles.set(bin, [...(piles.get(bin) || []), row]);
  }
  const highest = Math.max(...[...piles.values()].map((pile) => pile.length));
  const step = Math.min(2 * radius + 1, 96 / highest);
  const base = 16 + Math.max(24, highest * step);
  const across = (pile) => pile.reduce((sum, row) => sum + at(row.difference), 0) / pile.length;
  const dots = [...piles.values()].flatMap((pile) =>
    pile.map((row, i) => dot(finding, row, across(pile), base - radius - 1 - i * step, radius, open)),
  );
  const words =
    `${rows.length} differences, from ${number(rows[rows.length - 1].difference, 3, true)} to ${number(rows[0].difference, 3, true)}; ` +
    `mean ${number(finding.difference, 3, true)}. The table below lists each.`;
  const svg = s(
    "svg",
    {
      viewBox: `0 0 ${width} ${base + 66}`,
      width,
      height: base + 66,
      role: "img",
      "aria-labelledby": "dots-title dots-desc",
    },
    s("title", { id: "dots-title" }, `Differences of ${finding.hypothesis}, a dot a pair`),
    s("desc", { id: "dots-desc" }, words),
    axis(at, base, width),
    dots,
    meanDrawn(finding, at, base + 14),
  );
  return h(
    "figure",
    { class: "dots" },
    svg,
    h(
      "figcaption",
      { class: "quiet" },
      `Each dot is ${rows[0].kind === "pair" ? "a pair of runs" : "a run"}; the diamond is the mean with its 95 % interval. A dot opens its runs.`,
    ),
  );
}

/** From a value to its place across, and back from a width to round ticks: `at.ticks`. */
function scaled(values, width) {
  const known = values.filter((value) => value !== null && value !== undefined);
  let [low, high] = [Math.min(...known), Math.max(...known)];
  if (low === high) [low, high] = [low - 1, high + 1];
  const rough = (high - low) / (width > 480 ? 6 : 4);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough);
  [low, high] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  const at = (value) => 20 + ((value - low) / (high - low)) * (width - 40);
  at.ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => low + i * step);
  at.digits = Math.max(0, -Math.floor(Math.log10(step)));
  return at;
}

function axis(at, base, width) {
  const ticks = at.ticks.map((tick) =>
    s(
      "g",
      null,
      s("line", { x1: at(tick), x2: at(tick), y1: base + 28, y2: base + 33, class: "tick" }),
      s("text", { x: at(tick), y: base + 48, "text-anchor": "middle" }, number(tick, at.digits, true)),
    ),
  );
  return s(
    "g",
    { class: "axis" },
    s("line", { x1: at(0), x2: at(0), y1: 4, y2: base + 28, class: "zero" }),
    s("line", { x1: 10, x2: width - 10, y1: base + 28, y2: base + 28, class: "tick" }),
    ticks,
  );
}

function meanDrawn(finding, at, y) {
  if (finding.difference === null) return null;
  const x = at(finding.difference);
  const known = finding.low !== null && finding.low !== undefined;
  return s(
    "g",
    { class: "mean" },
    known && s("line", { x1: at(finding.low), x2: at(finding.high), y1: y, y2: y }),
    s("path", { d: `M${x - 6} ${y}L${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}Z` }),
  );
}

function dot(finding, row, x, y, radius, open) {
  const to = { finding: finding.hypothesis, source: finding.source, [row.kind]: row.key };
  const says = `${row.use ? row.use.case : row.key}: ${number(row.difference, 3, true)}`;
  const circle = s(
    "circle",
    { cx: x, cy: y, r: radius, onclick: row.here ? () => go(to) : null },
    s("title", null, says),
  );
  marking(open, row.key, (on) => circle.classList.toggle("current", on));
  return circle;
}
