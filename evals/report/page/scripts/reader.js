// How is one run read: its case, who sat there, what came of it, its picture, and every turn in order?

/** From so many turns on, those off the screen are not laid out. */
const MANY = 40;

/** One run. `params`: run, turn, passage. */
async function viewRun(params) {
  const run = await transcript(params.run);
  forgetGone();
  const base = { run: run.run_id };
  const view = {
    level: "h3",
    id: (n) => `turn-${n}`,
    link: (n) => address({ ...base, turn: n }),
    against: (turn, n) => earlierTable(run, turn, n),
  };
  const turns = h("section", {
    class: run.turns.length > MANY ? "turns many" : "turns",
    "aria-labelledby": "turns-title",
  });
  add(turns, [
    h("h2", { id: "turns-title" }, plural(run.turns.length, "turn")),
    run.turns.map((_, i) => turnArticle(run, i + 1, view)),
  ]);
  const node = h(
    "section",
    { class: "reader" },
    runHead(run),
    h("div", { class: "beginning" }, outcomeOf(run), seatsOf(run)),
    picture(run, view.link),
    turns,
    measuresOf(run),
    madeBy(run),
  );
  const shown = {};
  const update = (to) => {
    if (to.run !== undefined && to.run !== run.run_id) return false;
    const article = to.turn ? node.querySelector(`#turn-${Number(to.turn) || 0}`) : null;
    closePassages(node);
    const opened = article ? openPassage([article], run, to.passage) : null;
    arrive(node, shown, article, opened);
    return true;
  };
  return { node, title: `${run.case.title}: ${run.use.condition || run.run_id}`, turns: run.turns.length, update };
}

/** Mark the turn of the address and go to it, unless all that happened is that a passage of it opened or closed. */
function arrive(root, shown, article, passage) {
  const opened = shown.turn === article && Boolean(shown.passage || passage);
  const stays = opened || Boolean(passage && article.contains(document.activeElement));
  Object.assign(shown, { turn: article, passage });
  for (const one of root.querySelectorAll("[aria-current=true]")) one.removeAttribute("aria-current");
  if (!article) return;
  article.setAttribute("aria-current", "true");
  if (!article.isConnected) return;
  article.querySelectorAll(".slot").forEach(drawNow);
  if (!stays) {
    article.focus({ preventScroll: true });
    article.scrollIntoView({ block: "start" });
  }
  if (passage) passage.scrollIntoView({ block: "nearest" });
}

function runHead(run) {
  const { use } = run;
  const facts = [
    ["condition", use.condition],
    ["role", use.role && use.role !== "study" ? DATA.index.roles[use.role] || use.role : ""],
    ["seed", use.seed],
    ["replicate", use.replicate || ""],
    ["policy", use.policy],
    ["status", run.status],
    ["of", use.source],
  ];
  return h(
    "header",
    { class: "run-head" },
    h(
      "p",
      { class: "kicker" },
      h("a", { href: address({ runs: "", source: use.source, case: use.case }) }, "runs of ", inline(use.case)),
    ),
    h("h1", { tabindex: "-1" }, inline(run.case.title)),
    run.status === "complete"
      ? null
      : h(
          "p",
          { class: "status" },
          h("strong", null, `! ${run.status}: `),
          "it is counted apart and enters no number.",
        ),
    run.case.says ? words(run.case.says, { class: "words case-says" }) : null,
    factList(facts, "facts-line"),
    h(
      "p",
      { class: "run-id" },
      "run ",
      h("code", null, inline(run.run_id)),
      " · ",
      link({ runs: "", compare: use.id }, "compare with another run"),
    ),
    run.case.facts ? foldedAway("what else is at stake", () => factList(run.case.facts)) : null,
  );
}

/** Labels and values; those that are empty left out. */
function factList(facts, name = "fact-list") {
  const told = facts.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return h(
    "dl",
    { class: name },
    told.map(([label, value]) =>
      h("div", null, h("dt", null, inline(label)), h("dd", { dir: "auto" }, visible(String(value)))),
    ),
  );
}

function outcomeOf(run) {
  const notes = (run.notes || []).map((one) => incident("Note: ", one));
  if (!(run.outcome || []).length && !notes.length) return null;
  return h(
    "section",
    { class: "outcome", "aria-labelledby": "outcome-title" },
    h("h2", { id: "outcome-title" }, "What came of it"),
    h(
      "ul",
      null,
      (run.outcome || []).map((one) => h("li", { dir: "auto" }, visible(one))),
    ),
    notes.length > 2 ? foldedAway(plural(notes.length, "note"), () => h("div", null, notes)) : notes,
  );
}

/** What of a seat is told without asking. */
const TOLD_AT_ONCE = new Set(["cites", "favours", "concern λ", "type", "claims to be", "weighs"]);

function seatsOf(run) {
  const cards = run.seats.map((seat, i) =>
    h(
      "li",
      { class: `seat-card seat-${i % 8}` },
      h("h3", null, seatChip(run, seat.seat), " ", inline(seat.persona)),
      h(
        "p",
        { class: "speaks" },
        seat.speaks === "reference" ? "reference negotiator, no language model" : inline(seat.speaks),
      ),
      factList(
        (seat.facts || []).filter(([label]) => TOLD_AT_ONCE.has(label)),
        "facts-line",
      ),
      seat.says || seat.facts
        ? foldedAway("its brief, and all that is set of it", () =>
            h("div", null, seat.says ? words(seat.says) : null, factList(seat.facts || [])),
          )
        : null,
    ),
  );
  return h(
    "section",
    { "aria-labelledby": "seats-title" },
    h("h2", { id: "seats-title" }, "Who sat there"),
    h("ul", { class: "seat-cards" }, cards),
  );
}

/** Measures by stage as a table, folded. */
function measuresOf(run) {
  if (!(run.measures || []).length) return null;
  return foldedAway("measures by stage", () => {
    const stages = [...new Set(run.measures.flatMap(([, values]) => values.map(([stage]) => stage)))];
    const body = run.measures.map(([name, values]) => {
      const at = new Map(values);
      return h(
        "tr",
        null,
        h("th", { scope: "row" }, inline(name)),
        stages.map((stage) => h("td", { class: "num" }, number(at.get(stage), 3))),
      );
    });
    const head = h(
      "tr",
      null,
      h("th", { scope: "col" }, "measure"),
      stages.map((stage) => h("th", { scope: "col" }, inline(stage))),
    );
    const caption = h("caption", null, "What each stage is worth; – where a measure says nothing.");
    return scrollBox("measures by stage", h("table", null, caption, h("thead", null, head), h("tbody", null, body)));
  });
}

function madeBy(run) {
  const all = [
    (run.protocol || []).length ? foldedAway("protocol", () => factList(run.protocol)) : null,
    run.usage || (run.provenance || []).length
      ? foldedAway("provenance and what it cost", () =>
          h("div", null, run.usage ? h("p", null, visible(run.usage)) : null, factList(run.provenance || [])),
        )
      : null,
  ];
  return h("section", { class: "made-by", "aria-label": "How this run was made" }, all);
}
