// Where does the page begin, and how does one view take the place of another?
//
// A view is an async function of the parsed address that returns
//   node      what is shown, with one heading of level 1
//   title     what the window is called
//   turns     how many turns j and k go through; 0 for none
//   update    (params) => true if it could follow the new address without being drawn anew; called once more when the
//             view is on the page, so that it can scroll to its turn
//   place     what of its address it chose itself, if anything

const SHOWN = { kind: "document", params: {}, view: null, asked: 0, entry: "", left: -1000, again: null, trail: [] };

const SCROLLS = new Map();

const NAME = document.title;

/** Which function draws which view. */
function drawer(kind) {
  return { finding: viewFinding, pair: viewPair, run: viewRun, runs: viewRuns, help: viewHelp }[kind];
}

/** Show what the address asks for. */
async function route() {
  const params = parsed(location.hash);
  const kind = viewOf(params);
  const back = entered();
  const asked = ++SHOWN.asked;
  if (kind === SHOWN.kind && SHOWN.view && SHOWN.view.update(params)) return followed(params);
  if (kind === "document") return showDocument(params, back);
  const slow = setTimeout(() => asked === SHOWN.asked && place(waiting()), 200);
  const view = await drawn(kind, params);
  clearTimeout(slow);
  if (asked !== SHOWN.asked) return undefined;
  Object.assign(SHOWN, { kind, params, view });
  place(view.node);
  settle(view.title);
  scrollTo(0, 0);
  view.update(params);
  if (back !== null) scrollTo(0, back);
  return undefined;
}

/** Note which entry of the history this is: how far one had scrolled in it, null where it is new. */
function entered() {
  const known = history.state && history.state.entry;
  if (known && known === SHOWN.entry) return null;
  SHOWN.entry = known || `${performance.timeOrigin}-${performance.now()}`;
  if (!known) history.replaceState({ entry: SHOWN.entry }, "");
  const again = SHOWN.again;
  SHOWN.again = null;
  return known ? (SCROLLS.get(known) ?? history.state.scroll ?? null) : again;
}

/** Remember how far one has scrolled, unless that is the browser's doing on the way to another address. */
function noteScroll() {
  if (performance.now() - SHOWN.left > 300) SCROLLS.set(SHOWN.entry, scrollY);
}

/** Keep it in the history too, where it outlives that the page is loaded anew. */
function keepScroll() {
  if (SHOWN.entry) history.replaceState({ entry: SHOWN.entry, scroll: scrollY }, "");
}

/** A view of the address; where it asks for what is not here, or drawing fails, a view that says so. */
async function drawn(kind, params) {
  const ids = (params.run || params.pair || "").split(",").filter(Boolean);
  const lost = kind === "finding" ? [] : ids.filter((id) => !DATA.runs.has(id));
  if (lost.length) return missing(`No run ${lost.join(", nor ")} is in this report.`);
  if ((kind === "pair" && ids.length !== 2) || (kind === "run" && ids.length !== 1)) {
    return missing(kind === "run" ? "The address names no run." : "Two runs make a pair: #pair=ID,ID.");
  }
  try {
    return await drawer(kind)(params);
  } catch (error) {
    console.error(error);
    return missing("This view could not be drawn.", String(error));
  }
}

/** A view that says kindly what is not here, with ways on. */
function missing(says, detail = "") {
  const ways = [link({}, "the findings"), link({ runs: "" }, "all runs")];
  const node = h("section", { class: "missing" }, h("h1", null, "Not here"), h("p", null, says));
  add(node, [detail && h("p", { class: "quiet" }, detail), h("p", null, "Go on with ", ways[0], " or ", ways[1], ".")]);
  return { node, title: "Not here", turns: 0, update: () => false };
}

/** A link to an address of this page. */
function link(params, ...words) {
  return h("a", { href: address(params) }, ...words);
}

function waiting() {
  return h("p", { class: "waiting", role: "status" }, "Reading the run …");
}

function place(node) {
  document.getElementById("document").hidden = true;
  const view = document.getElementById("view");
  view.hidden = false;
  view.replaceChildren(node);
}

/** The findings, at a section of theirs where one is named, else where one was. */
function showDocument(params, back) {
  const page = document.getElementById("document");
  const wanted = params.section && document.getElementById(params.section);
  if (params.section && !(wanted && page.contains(wanted))) {
    const view = missing(`This report has nothing called “${params.section}”.`);
    Object.assign(SHOWN, { kind: "document", params, view });
    place(view.node);
    return settle(view.title);
  }
  const stays = SHOWN.kind === "document" && !SHOWN.view;
  Object.assign(SHOWN, { kind: "document", params, view: null });
  document.getElementById("view").hidden = true;
  document.getElementById("view").replaceChildren();
  page.hidden = false;
  settle("", wanted || (stays ? null : page.querySelector("h1")));
  if (back !== null) scrollTo(0, back);
  else if (wanted) wanted.scrollIntoView();
  else if (!stays) scrollTo(0, 0);
  return undefined;
}

/** Tell window, navigation and screen reader where one is; focus the heading. */
function settle(title, target = document.querySelector("#view h1")) {
  document.title = title ? `${title} · ${NAME}` : NAME;
  for (const a of document.querySelectorAll(".top [data-view]")) {
    const mine = a.dataset.view === (SHOWN.kind === "run" || SHOWN.kind === "pair" ? "runs" : SHOWN.kind);
    if (mine || (SHOWN.kind === "finding" && a.dataset.view === "document")) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  leaveTrail();
  if (!target) return;
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

function followed(params) {
  SHOWN.params = params;
  document.title = SHOWN.view.title ? `${SHOWN.view.title} · ${NAME}` : NAME;
  leaveTrail();
}

/** How deep a view lies: Esc leads one level up, to where one came from. */
const DEPTH = { document: 0, runs: 1, finding: 1, help: 1, run: 2, pair: 3 };

function leaveTrail() {
  const depth = DEPTH[SHOWN.kind];
  SHOWN.trail = SHOWN.trail.filter((step) => step.depth < depth);
  SHOWN.trail.push({ depth, params: SHOWN.params, entry: SHOWN.entry });
}

/** Back to where one came from; to the findings where one came from nowhere. */
function leave() {
  const { trail, kind } = SHOWN;
  if (kind === "document" && !SHOWN.view) return;
  const before =
    trail.length > 1 ? trail[trail.length - 2] : { params: kind === "run" || kind === "pair" ? { runs: "" } : {} };
  SHOWN.again = SCROLLS.get(before.entry) ?? null;
  go(before.params);
}

/** Say something to those who listen. */
function announce(words) {
  const region = document.getElementById("announce");
  if (region) region.textContent = words;
}

async function begin() {
  history.scrollRestoration = "manual";
  addEventListener("hashchange", route);
  addEventListener("scroll", noteScroll, { passive: true });
  addEventListener("scrollend", keepScroll);
  addEventListener("click", leaving, true);
  document.querySelector("a.skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  if (viewOf(parsed(location.hash)) !== "document") place(waiting());
  try {
    await load();
  } catch (error) {
    console.error(error);
    return place(missing("The runs could not be unpacked: this browser is too old for the page.", String(error)).node);
  }
  listenToKeys();
  searching();
  if (document.body.hasAttribute("data-live")) follow();
  document.body.setAttribute("data-ready", "");
  return route();
}

/** A link within the page is about to be followed: note where one is, since the browser scrolls before it tells. */
function leaving(event) {
  const way = event.target instanceof Element && event.target.closest('a[href^="#"]');
  if (!way || way.classList.contains("skip")) return;
  noteScroll();
  SHOWN.left = performance.now();
  const asked = parsed(way.getAttribute("href"));
  if (event.ctrlKey || event.metaKey || event.shiftKey || way.hasAttribute("data-alone") || kept(asked) === asked)
    return;
  event.preventDefault();
  go(asked);
}

begin();
