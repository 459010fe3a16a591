// Which turns of two runs stand beside each other, which is the first that diverges, and what differs in all such pairs?

/** Turns of two runs aligned by kind, round and place among those of a kind in a round: [{one, other}], numbers from 1
 *  or null where a run has none such; in the order of both. */
function alignedTurns(one, other) {
  const [a, b] = [keysOf(one), keysOf(other)];
  const [inA, inB] = [new Set(a), new Set(b)];
  const place = new Map(b.map((key, j) => [key, j]));
  const out = [];
  let j = 0;
  a.forEach((key, i) => {
    if (!inB.has(key)) return out.push({ one: i + 1, other: null });
    for (; j < place.get(key); j++) if (!inA.has(b[j])) out.push({ one: null, other: j + 1 });
    j = Math.max(j, place.get(key) + 1);
    return out.push({ one: i + 1, other: place.get(key) + 1 });
  });
  for (; j < b.length; j++) if (!inA.has(b[j])) out.push({ one: null, other: j + 1 });
  return out;
}

function keysOf(run) {
  const seen = new Map();
  return run.turns.map((turn) => {
    const key = `${turn.kind}|${turn.round}`;
    seen.set(key, (seen.get(key) || 0) + 1);
    return `${key}|${seen.get(key)}`;
  });
}

/** Rows and columns of one case, each with its place in the other's case, undefined where it has none. */
function sameCells(one, other) {
  const places = (things) => new Map(things.map((thing, i) => [thing.id, i]));
  const [rows, columns] = [places(other.case.rows), places(other.case.columns)];
  return {
    row: one.case.rows.map((row) => rows.get(row.id)),
    column: one.case.columns.map((column) => columns.get(column.id)),
  };
}

/** How two aligned turns differ: {alone, table, words, cells}. `table`: in a cell that both have, or one has none. */
function difference(one, other, step, same) {
  if (step.one === null || step.other === null) return { alone: true, table: false, words: false, cells: 0 };
  const [a, b] = [one.turns[step.one - 1], other.turns[step.other - 1]];
  const words = (a.said || "") !== (b.said || "");
  if (!a.values || !b.values)
    return { alone: false, table: Boolean(a.values) !== Boolean(b.values), words, cells: 0 };
  let cells = 0;
  one.case.rows.forEach((_, i) =>
    one.case.columns.forEach((column, k) => {
      const [row, place] = [same.row[i], same.column[k]];
      if (row !== undefined && place !== undefined && differs(a.values[i][k], b.values[row][place], column.capacity))
        cells++;
    }),
  );
  return { alone: false, table: cells > 0, words, cells };
}

/** The first aligned turn whose tables differ, or that one run alone has; else the first whose words differ; else null:
 *  {step (from 1), why: "table" | "alone" | "words", cells}. */
function firstDivergence(found) {
  const hard = found.findIndex((d) => d.table || d.alone);
  const at = hard >= 0 ? hard : found.findIndex((d) => d.words);
  if (at < 0) return null;
  const d = found[at];
  return { step: at + 1, why: d.alone ? "alone" : d.table ? "table" : "words", cells: d.cells };
}

/** A use of each of two runs that belong together: same source, role and, where possible, case, seed, replicate and policy. */
function pairedUses(one, other) {
  const uses = (id) => DATA.rows.filter((use) => use.id === id);
  const near = (a, b) =>
    ["source", "cluster", "policy", "role", "seed", "replicate"].filter((key) => a[key] === b[key]).length +
    (a.role === "study" ? 0.5 : 0);
  let best = null;
  for (const a of uses(one))
    for (const b of uses(other)) if (!best || near(a, b) > best.near) best = { one: a, other: b, near: near(a, b) };
  return best;
}

/** The paired effects between the conditions of two uses, as the first less the other; null if none were worked out. */
function effectBetween(one, other) {
  const of = (e) => !e.source || e.source === one.source;
  const found = DATA.effects.find((e) => of(e) && e.one === one.condition && e.other === other.condition);
  if (found) return new Map(found.outcomes.map((o) => [o.name, o]));
  const turned = DATA.effects.find((e) => of(e) && e.one === other.condition && e.other === one.condition);
  if (!turned) return null;
  const minus = (value) => (value === null || value === undefined ? value : -value);
  return new Map(
    turned.outcomes.map((o) => [o.name, { ...o, mean: minus(o.mean), low: minus(o.high), high: minus(o.low) }]),
  );
}

/** How far complete runs of one condition and case lie apart that differ only in `key` (seed or replicate):
 *  by outcome {mean (of absolute differences), n (pairs), clusters}. */
function spreadOver(use, key) {
  const fixed = [
    "source",
    "role",
    "condition",
    "cluster",
    "policy",
    ...(key === "replicate" ? ["seed"] : ["replicate"]),
  ];
  const groups = new Map();
  for (const one of DATA.rows) {
    if (
      one.source !== use.source ||
      one.role !== use.role ||
      one.condition !== use.condition ||
      one.status !== "complete"
    )
      continue;
    const name = JSON.stringify(fixed.map((part) => one[part]));
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(one);
  }
  const out = new Map();
  for (const name of Object.keys(use.values || {})) out.set(name, spreadOf([...groups.values()], name));
  return out;
}

function spreadOf(groups, name) {
  let [sum, n] = [0, 0];
  const clusters = new Set();
  for (const group of groups) {
    const known = group.filter((one) => typeof one.values[name] === "number");
    for (let i = 0; i < known.length; i++)
      for (let j = i + 1; j < known.length; j++) {
        sum += Math.abs(known[i].values[name] - known[j].values[name]);
        n += 1;
        clusters.add(known[i].cluster);
      }
  }
  return { mean: n ? sum / n : null, n, clusters: clusters.size };
}
