// Which arguments say the words that are looked for, among all that any seat said?

/** `said`: by pack what was said in it, kept from the first search on, so that the next is at once. */
const SEARCH = { asked: 0, said: new Map() };

const AROUND = 70;
const DRAWN_AT_ONCE = 40;

/** The field in the header: its words go into the address, with the filters at hand. */
function searching() {
  const form = document.getElementById("search");
  const field = document.getElementById("search-words");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    field.blur();
    searchFor(field.value.trim());
  });
  field.addEventListener("search", () => field.value === "" && here().q && searchFor(""));
  const show = () => {
    if (document.activeElement !== field) field.value = parsed(location.hash).q || "";
  };
  addEventListener("hashchange", show);
  show();
}

function searchFor(words) {
  const params = here();
  const base = viewOf(params) === "runs" && !("compare" in params) ? params : { runs: "" };
  if (words || base.q) go({ ...base, q: words });
}

/** What is looked for: a test an entry, a word or a “quoted phrase” each, whatever the case. */
function testsOf(query) {
  const found = [...query.matchAll(/["“”„]([^"“”„]+)["“”„]?|[^\s"“”„]+/gu)];
  const words = found.map(([whole, phrase]) => (phrase || whole).trim()).filter(Boolean);
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+"));
  return escaped.map((word) => new RegExp(word, "iu"));
}

/** Go through the packs that hold these runs. `tell(done, all, hits)` after each pack; ends early, with null, once another
    search has begun. A hit: {id, turn, title, said}. Every test must be met within one turn. */
async function searched(query, uses, tell) {
  const asked = ++SEARCH.asked;
  const tests = testsOf(query);
  const wanted = new Map();
  for (const use of uses) wanted.set(use.pack, (wanted.get(use.pack) || new Set()).add(use.id));
  const hits = [];
  let done = 0;
  let rested = performance.now();
  for (const [number, ids] of wanted) {
    const said = await saidIn(number);
    if (asked !== SEARCH.asked) return null;
    for (const turn of said) if (ids.has(turn.id) && tests.every((test) => test.test(turn.said))) hits.push(turn);
    done += 1;
    if (performance.now() - rested < 50 && done < wanted.size) continue;
    tell(done, wanted.size, hits);
    await new Promise((resume) => setTimeout(resume));
    rested = performance.now();
  }
  return hits;
}

/** Every turn of a pack in which something was said: {id, turn, title, said}. */
async function saidIn(number) {
  if (!SEARCH.said.has(number)) {
    const runs = await (DATA.packs.get(number) || unpack(`pack-${number}`));
    const turns = (run) => run.turns.map(({ title, said }, i) => ({ id: run.run_id, turn: i + 1, title, said }));
    SEARCH.said.set(
      number,
      runs.flatMap(turns).filter((turn) => turn.said),
    );
  }
  return SEARCH.said.get(number);
}

/** The words around what was found, at most three places, the finds marked: text as nodes. */
function snippet(said, tests) {
  const finds = tests
    .map((test) => test.exec(said))
    .filter(Boolean)
    .sort((a, b) => a.index - b.index);
  const windows = [];
  for (const find of finds) {
    const [from, to] = [wordAt(said, find.index - AROUND, 1), wordAt(said, find.index + find[0].length + AROUND, -1)];
    const last = windows[windows.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(to, last[1]);
    else windows.push([from, to]);
  }
  const shown = windows.slice(0, 3);
  const nodes = shown.map(([from, to], i) => [from > 0 ? (i ? " … " : "… ") : "", marked(said.slice(from, to), tests)]);
  return h(
    "bdi",
    { class: "snippet", dir: "auto" },
    nodes,
    shown.length && shown[shown.length - 1][1] < said.length ? "\u00a0…" : "",
  );
}

/** The nearest place to cut at, forwards or backwards, that is between two words. */
function wordAt(text, index, step) {
  if (index <= 0 || index >= text.length) return Math.min(text.length, Math.max(0, index));
  for (let i = index; Math.abs(i - index) < 20; i += step) if (/\s/.test(text[i])) return step > 0 ? i + 1 : i;
  return index;
}

function marked(text, tests) {
  const all = new RegExp(tests.map((test) => test.source).join("|"), "giu");
  const nodes = [];
  let from = 0;
  for (const find of text.matchAll(all)) {
    nodes.push(visible(text.slice(from, find.index)), h("mark", null, visible(find[0])));
    from = find.index + find[0].length;
  }
  nodes.push(visible(text.slice(from)));
  return nodes;
}

/** What a search came to, drawn as it goes on: a box that fills, and the runs found put into the list at hand. */
function searchBox(query, uses) {
  const count = h("p", { class: "count", role: "status" }, "Searching …");
  const bar = h("progress", { max: "1", value: "0", "aria-label": "Runs searched" });
  const found = h("ol", { class: "hits" });
  const more = h("button", { type: "button", class: "more", hidden: true }, "Show more");
  const tests = testsOf(query);
  const drawnHits = { hits: [], shown: 0 };
  const draw = (upTo) => {
    const next = drawnHits.hits.slice(drawnHits.shown, upTo);
    add(
      found,
      next.map((hit) => hitDrawn(hit, tests)),
    );
    drawnHits.shown += next.length;
    more.hidden = drawnHits.shown >= drawnHits.hits.length;
  };
  more.addEventListener("click", () => draw(drawnHits.shown + 5 * DRAWN_AT_ONCE));
  const tell = (done, all, hits) => {
    bar.value = done / all;
    drawnHits.hits = hits;
    if (drawnHits.shown < DRAWN_AT_ONCE) draw(DRAWN_AT_ONCE);
    count.textContent = `${hitsCounted(hits, uses)} so far`;
  };
  searched(query, uses, tell).then((hits) => {
    if (!hits) return;
    bar.remove();
    drawnHits.hits = hits;
    draw(Math.max(DRAWN_AT_ONCE, drawnHits.shown));
    count.textContent = hits.length
      ? hitsCounted(hits, uses)
      : `No argument says ${query}. Every word must occur in one turn.`;
    listed("run", [...new Set(hits.map((hit) => hit.id))]);
  });
  return h("div", { class: "found" }, count, bar, found, more);
}

function hitsCounted(hits, uses) {
  const runs = new Set(hits.map((hit) => hit.id)).size;
  const among = new Set(uses.map((use) => use.id)).size;
  return `${plural(hits.length, "argument")} in ${plural(runs, "run")} of ${among.toLocaleString("en")}`;
}

function plural(count, thing) {
  return `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
}

function hitDrawn(hit, tests) {
  const use = DATA.runs.get(hit.id);
  const head = link({ run: hit.id, turn: hit.turn }, inline(use.case), " · ", hit.title);
  return h(
    "li",
    null,
    head,
    h("span", { class: "quiet" }, ` ${brief(use)} · seed ${use.seed}`),
    snippet(hit.said, tests),
  );
}
