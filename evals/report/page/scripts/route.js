// Which view does an address show, and how does one come from run to run?

/** Views by the word of the address that asks for them, first come first; any other word is a place in the findings. */
const VIEWS = ["finding", "pair", "run", "runs", "help"];

/** What n and p go through: runs (ids) or pairs ("ID,ID"), in the order last listed. */
const LIST = { kind: "", ids: [] };

/** An address as a plain object: `#run=ID&turn=5` is {run: "ID", turn: "5"}, `#words` {section: "words"}, `#` {}. */
function parsed(hash) {
  const words = hash.replace(/^#/, "").split("&").filter(Boolean);
  const params = {};
  for (const word of words) {
    const cut = word.includes("=") ? word.indexOf("=") : word.length;
    params[decoded(word.slice(0, cut))] = decoded(word.slice(cut + 1));
  }
  if (!words.length || viewOf(params) !== "document") return params;
  return { section: decoded(words[0]) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Which view an address asks for: one of VIEWS, or `document`. */
function viewOf(params) {
  return VIEWS.find((name) => name in params) || "document";
}

/** The address of a plain object, as it stands in a link: values percent-encoded where they must be, empty ones left out. */
function address(params) {
  const view = viewOf(params);
  if (view === "document") return "#" + encoded(params.section || "");
  const rest = Object.entries(params).filter(([name, value]) => name !== view && value !== null && value !== undefined);
  const words = rest.filter(([, value]) => value !== "").map(([name, value]) => `${name}=${encoded(value)}`);
  const first = params[view] === "" ? view : `${view}=${encoded(params[view])}`;
  return "#" + [first, ...words].join("&");
}

function encoded(value) {
  return encodeURIComponent(String(value)).replace(/%(2C|3A|2F|40)/gi, decodeURIComponent);
}

/** Where one is: the address at the moment, completed by what the view chose itself (the first pair of a finding). */
function here() {
  const params = parsed(location.hash);
  return SHOWN.view && SHOWN.view.place ? { ...SHOWN.view.place, ...params } : params;
}

/** Go to an address. `replace`: a step within a view, so that Back leaves the view at once. */
function go(params, { replace = false } = {}) {
  const to = address(kept(params));
  if (to === (location.hash || "#")) return route();
  if (!replace) {
    noteScroll();
    location.hash = to;
    return undefined;
  }
  history.replaceState(history.state, "", to);
  return route();
}

/** What a view that holds another keeps open beside itself: its own address instead of the one asked for. */
function kept(params) {
  return SHOWN.view && SHOWN.view.inside ? SHOWN.view.inside(params) : params;
}

/** The runs or pairs just listed. */
function listed(kind, ids) {
  Object.assign(LIST, { kind, ids });
}

/** The address so many places on in the list at hand; null at its ends, and where no run is shown. */
function neighbour(step) {
  const params = here();
  const kind = params.pair ? "pair" : params.run ? "run" : "";
  if (!kind || (kind === "pair" && !paired(params.pair))) return null;
  const all = LIST.kind === kind && LIST.ids.includes(params[kind]) ? LIST.ids : defaultList(kind, params[kind]);
  const id = all[all.indexOf(params[kind]) + step];
  return id === undefined ? null : { ...params, [kind]: id, turn: null, passage: null };
}

/** The list at hand where none was drawn that has this one: every run, or every pair of the same two conditions. */
function defaultList(kind, id) {
  listed(kind, kind === "run" ? [...DATA.runs.keys()] : alike(id));
  return LIST.ids;
}

/** The two runs of a pair's address; null where one is not here. */
function paired(pair) {
  const uses = pair.split(",").map((id) => DATA.runs.get(id));
  return uses.length === 2 && uses.every(Boolean) ? uses : null;
}

/** What runs of a pair have in common: case, seed, replicate and policy. */
function blockOf(use) {
  return [use.source, use.cluster, use.seed, use.replicate, use.policy].join("|");
}

/** Every pair of runs that stand to each other as these two do: the same two conditions, in the same block. */
function alike(pair) {
  const [one, other] = paired(pair);
  if (blockOf(one) !== blockOf(other)) return [pair];
  const partners = new Map();
  const like = (use, mine) => use.source === mine.source && use.condition === mine.condition && use.role === mine.role;
  for (const use of DATA.rows) if (like(use, other)) partners.set(blockOf(use), use.id);
  const pairs = DATA.rows.filter((use) => like(use, one) && partners.has(blockOf(use)));
  const ids = pairs.map((use) => `${use.id},${partners.get(blockOf(use))}`);
  return ids.includes(pair) ? ids : [pair, ...ids];
}
