// How does one turn read: who speaks, its words, what it did, what it cites and saw, and the table it leaves?

const STATUS_SAYS = {
  repaired: "repaired: what it asked for could not be had and was moved to the nearest that can",
  abstained: "abstained: nothing valid came; its last valid move stands",
  truncated: "truncated: its answer was cut off",
};

/** The letter of a seat in its colour, on its number among the seats. */
function seatChip(run, seat) {
  const place = run.seats.findIndex((one) => one.seat === seat);
  return h("span", { class: `seat seat-${place < 0 ? 0 : place % 8}` }, inline(seat));
}

/**
 * A turn as an article. `view`: {level, id(n), link(n), heading, against(turn, n), pieces, brief}: the heading's
 * level, ids and addresses of turns, what its table is marked against, its words as pieces where they are compared.
 */
function turnArticle(run, n, view) {
  const turn = run.turns[n - 1];
  const place = run.seats.findIndex((one) => one.seat === turn.seat);
  const id = view.id(n);
  return h(
    "article",
    {
      class: `turn ${place < 0 ? "no-seat" : `seat-${place % 8}`}`,
      id,
      tabindex: "-1",
      "aria-labelledby": `${id}-title`,
      "data-turn": n,
    },
    turnHead(run, turn, n, view),
    h(
      "div",
      { class: turn.values ? "turn-body with-table" : "turn-body" },
      h("div", { class: "turn-words" }, toldBy(run, turn, n, view)),
      tableSlot(run, turn, n, view),
    ),
  );
}

function turnHead(run, turn, n, view) {
  const title = [
    turn.seat ? [seatChip(run, turn.seat), " "] : null,
    inline(turn.title),
    turn.who ? h("span", { class: "who" }, " · ", inline(turn.who)) : null,
  ];
  return h(
    "header",
    null,
    h(
      view.level,
      { id: `${view.id(n)}-title` },
      h(
        "a",
        { class: "place", href: view.link(n), title: "the address of this turn" },
        view.sign ? `${view.sign} turn ${n}` : `${n}`,
      ),
      " ",
      title,
    ),
    turn.status
      ? h("p", { class: "status" }, h("strong", null, "! "), STATUS_SAYS[turn.status] || inline(turn.status))
      : null,
  );
}

/** Everything of a turn but its table. */
function toldBy(run, turn, n, view) {
  const cited = turn.cites || [];
  const uncited = [...new Set(turn.shown || [])].filter((id) => !cited.includes(id));
  return [
    turn.said ? (view.pieces ? wordsOf(view.pieces, foldAfter(view.pieces)) : words(turn.said)) : null,
    view.note ? h("p", { class: "note" }, turn.said ? view.note : "Nothing is said here.") : null,
    turn.did
      ? h(
          "ul",
          { class: "did" },
          turn.did.map((one) => h("li", { dir: "auto" }, visible(one))),
        )
      : null,
    (turn.incidents || []).map((one) => incident("Incident: ", one)),
    cited.length ? citations(run, n, view, "Cites", [...new Set(cited)]) : null,
    uncited.length
      ? h(
          "details",
          { class: "uncited" },
          h("summary", null, `shown ${plural(uncited.length, "passage")} that it did not cite`),
          citations(run, n, view, null, uncited),
        )
      : null,
    sawLine(turn, view),
    turn.prompt
      ? h(
          "details",
          null,
          h("summary", null, "prompt"),
          h("p", { class: "hash" }, "sha256 of the exact prompt: ", h("code", null, turn.prompt)),
        )
      : null,
  ];
}

/** What went wrong, in a line; folded where a line is not enough. */
function incident(label, said) {
  const long = said.length > FOLD_AT;
  const told = [h("strong", null, label), long ? words(said) : visible(said)];
  return h(long ? "div" : "p", { class: "incident", dir: "auto" }, told);
}

/** Where words that are compared are folded: never before the first that differ. */
function foldAfter(pieces) {
  const marked = pieces.findIndex((piece) => piece.tag);
  const end = pieces.slice(0, marked + 1).reduce((sum, piece) => sum + piece.text.length, 0);
  return Math.max(FOLD_AT, end + 200);
}

function sawLine(turn, view) {
  if (!turn.saw) return null;
  if (!turn.saw.length) return h("p", { class: "saw" }, "Its prompt showed no earlier turn.");
  const links = turn.saw.map((n, i) => [i ? ", " : "", h("a", { href: (view.seen || view.link)(n) }, String(n))]);
  return h("p", { class: "saw" }, `Its prompt showed turn${turn.saw.length === 1 ? "" : "s"} `, links, ".");
}

/** Passages as buttons; each opens its text in place, at an address. */
function citations(run, n, view, title, ids) {
  const items = ids.map((id) =>
    citation(run.passages[id], id, `${view.id(n)}-${title ? "cited" : "shown"}-${ids.indexOf(id)}`, view.step || n),
  );
  return h("div", { class: "cites" }, title ? h("span", { class: "label" }, title, " ") : null, h("ul", null, items));
}

function citation(passage, id, key, n) {
  if (!passage) return h("li", null, h("code", null, inline(id)), " (its text is not recorded)");
  const button = h(
    "button",
    { type: "button", class: "cite", "aria-expanded": "false", "aria-controls": key },
    inline(passage.title || id),
  );
  const open = () => button.getAttribute("aria-expanded") === "true";
  button.addEventListener("click", () => readAt(n, open() ? "" : id));
  return h("li", { "data-passage": id }, button, h("div", { id: key, class: "passage", hidden: true }));
}

/** To a turn, or a passage of it, within the view at hand. */
function readAt(n, passage) {
  const to = { ...here(), turn: String(n) };
  if (passage) to.passage = passage;
  else delete to.passage;
  go(to);
}

function closePassages(root) {
  for (const button of root.querySelectorAll('.cite[aria-expanded="true"]')) {
    button.setAttribute("aria-expanded", "false");
    button.nextElementSibling.setAttribute("hidden", "");
  }
}

/** Open a passage wherever the articles cite it or were shown it. Returns its place, null if there is none. */
function openPassage(articles, run, id) {
  let found = null;
  for (const article of id ? articles : []) {
    const item = [...article.querySelectorAll("[data-passage]")].find((one) => one.dataset.passage === id);
    if (!item) continue;
    const passage = run.passages[id];
    const [button, box] = item.children;
    button.setAttribute("aria-expanded", "true");
    box.replaceChildren(
      h("blockquote", { dir: "auto" }, words(passage.text)),
      h(
        "p",
        { class: "source", dir: "auto" },
        visible(passage.source || "source not recorded"),
        passage.framework ? [" · ", inline(passage.framework)] : null,
        " · ",
        h("code", null, inline(id)),
      ),
    );
    box.removeAttribute("hidden");
    item.closest("details")?.setAttribute("open", "");
    found = found || item;
  }
  return found;
}

/** The place of a turn's table, drawn when it comes near. */
function tableSlot(run, turn, n, view) {
  if (!turn.values) return null;
  const slot = h("div", { class: "slot" });
  slot.style.minHeight = `${4 + 2.6 * run.case.rows.length}rem`;
  return whenNear(slot, () => {
    const against = view.against(turn, n);
    const caption = [
      "What it leaves. ",
      against ? against.says : null,
      turn.contested ? " ⚑ in dispute after it." : null,
    ];
    return scrollBox(
      `the table of ${view.sign ? `${view.sign} ` : ""}turn ${n}`,
      turnTable(run, turn, caption, against),
    );
  });
}

/** What a turn is marked against in the reader: a seat asked again, its own first answer; else the turn before. */
function earlierTable(run, turn, n) {
  const own = (one) => one.seat === turn.seat && one.kind === "solo" && one.values;
  const last = run.turns.slice(0, n - 1).findLastIndex((one) => one.values);
  const at = turn.kind === "exit_solo" ? run.turns.findIndex(own) : last;
  if (at < 0) return null;
  const earlier = run.turns[at];
  return {
    was: "was",
    says:
      run.setting === "deliberation"
        ? "◆ marks an option other than the one it named before."
        : `▲ ▼ ◆ mark what is other than in turn ${at + 1}.`,
    cell: (i, k) => (run.setting === "deliberation" ? lastNamed(run, turn, n, i, k) : earlier.values[i][k]),
    met: (i) => (earlier.met ? earlier.met[i] : undefined),
  };
}

/** What an issue's option was when a seat last named one, or anybody for a verdict or the plan that is written down;
 *  nothing to compare where this turn names none. */
function lastNamed(run, turn, n, i, k) {
  if (turn.values[i][k] === null) return undefined;
  const own = (one) => turn.kind !== "speak" || one.seat === turn.seat;
  const earlier = run.turns.slice(0, n - 1).findLast((one) => one.values && own(one) && one.values[i][k] !== null);
  return earlier ? earlier.values[i][k] : undefined;
}
