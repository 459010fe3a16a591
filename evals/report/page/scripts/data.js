// Where do the runs lie, and how are they read: packs are unpacked one at a time, when a run of theirs is asked for?

const DATA = { index: null, findings: [], effects: [], shared: null, runs: new Map(), rows: [], packs: new Map() };

/** So many packs are kept unpacked, those last asked for. */
const PACKS_KEPT = 12;

/** The JSON of an embedded pack. */
async function unpack(id) {
  const text = document.getElementById(id).textContent.trim();
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i += 1) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

/** Read the index: `DATA.rows` has an object a use of a run, `DATA.runs` the first of each run by id. */
async function load() {
  Object.assign(DATA, await unpack("data"));
  const { columns, rows, values } = DATA.index;
  DATA.rows = rows.map((row, i) => {
    const use = Object.fromEntries(columns.map((name, k) => [name, row[k]]));
    use.values = values[i];
    return use;
  });
  for (const use of DATA.rows) if (!DATA.runs.has(use.id)) DATA.runs.set(use.id, use);
}

/** Cases and passages, which runs share: {cases, passages}. */
function shared() {
  DATA.shared = DATA.shared || unpack("shared");
  return DATA.shared;
}

/** One pack of transcripts, kept while it is among the last asked for. */
function pack(number) {
  const kept = DATA.packs.get(number) || unpack(`pack-${number}`);
  DATA.packs.delete(number);
  DATA.packs.set(number, kept);
  if (DATA.packs.size > PACKS_KEPT) DATA.packs.delete(DATA.packs.keys().next().value);
  return kept;
}

/** The transcript of a run, its case in full; null for an id that is not here. */
async function transcript(id) {
  const use = DATA.runs.get(id);
  if (!use) return null;
  const [runs, both] = await Promise.all([pack(use.pack), shared()]);
  const run = runs[use.at];
  return { ...run, use, case: both.cases[run.case], passages: { ...both.passages, ...run.passages } };
}

/** What an outcome means: {name, says, unit, better, low, high}; undefined for one that runs are not listed with. */
function meaning(setting, name) {
  return (DATA.index.outcomes[setting] || []).find((outcome) => outcome.name === name);
}

/** The parts of a condition's name: `a: b × c` has three. */
function partsOf(condition) {
  return condition.split(/ × |: /);
}

const BRIEF = new Map();

/** A condition as a reader tells it from the others of its source: of many parts, those named ones are left out that are
    as in most runs. */
function brief(use) {
  if (!BRIEF.has(use.source)) BRIEF.set(use.source, distinct(DATA.rows.filter((row) => row.source === use.source)));
  return BRIEF.get(use.source).get(use.condition) || "as most runs";
}

/** Short names of conditions, no two alike; whole ones where they differ in the number of parts. */
function distinct(rows) {
  const whole = [...new Set(rows.map((row) => row.condition))];
  const parts = new Map(whole.map((name) => [name, partsOf(name)]));
  const size = parts.get(whole[0]).length;
  if (size < 5 || whole.some((name) => parts.get(name).length !== size))
    return new Map(whole.map((name) => [name, name]));
  const usual = Array.from({ length: size }, (_, i) => commonest(rows.map((row) => parts.get(row.condition)[i])));
  const short = (some) => some.filter((part, i) => !part.includes("=") || part !== usual[i]).join(" × ");
  return new Map(whole.map((name) => [name, short(parts.get(name))]));
}

function commonest(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}
