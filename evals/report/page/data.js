// Where do the runs lie, and how are they read: packs are unpacked one at a time, when a run of theirs is asked for?

const DATA = { index: null, findings: [], effects: [], shared: null, runs: new Map(), rows: [], packs: new Map() };

/** The JSON of an embedded pack. */
async function unpack(id) {
  const text = document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
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
async function shared() {
  DATA.shared = DATA.shared || unpack("shared");
  return DATA.shared;
}

/** One pack of transcripts, kept once it was unpacked. */
function pack(number) {
  if (!DATA.packs.has(number)) DATA.packs.set(number, unpack(`pack-${number}`));
  return DATA.packs.get(number);
}

/** The transcript of a run, its case in full; null for an id that is not here. */
async function transcript(id) {
  const use = DATA.runs.get(id);
  if (!use) return null;
  const [runs, both] = await Promise.all([pack(use.pack), shared()]);
  const run = runs[use.at];
  return { ...run, use, case: both.cases[run.case], passages: both.passages };
}
