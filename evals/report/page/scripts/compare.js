// How do two runs read side by side: what differs between them, what that does in all such pairs, and where they part?

const SIDES = [
  { sign: "①", name: "the first" },
  { sign: "②", name: "the second" },
];

/** Two runs. `params`: pair ("ID,ID"), turn (of the aligned ones), passage. */
async function viewPair(params) {
  const [one, other] = await Promise.all(params.pair.split(",").map(transcript));
  const pair = `${one.run_id},${other.run_id}`;
  forgetGone();
  const steps = alignedTurns(one, other);
  const same = [sameCells(one, other), sameCells(other, one)];
  const found = steps.map((step) => difference(one, other, step, same[0]));
  const first = firstDivergence(found);
  const both = { runs: [one, other], pair, steps, same, found, first, uses: pairedUses(one.run_id, other.run_id) };
  const list = h(
    "ol",
    { class: "steps" },
    steps.map((_, i) => stepOf(both, i)),
  );
  const node = h("section", { class: "pair" }, pairHead(both), whatDiffers(both), effectSection(both), list);
  const shown = {};
  const update = (to) => {
    if (to.pair !== undefined && to.pair !== pair) return false;
    const step = to.turn ? node.querySelector(`#step-${Number(to.turn) || 0}`) : null;
    closePassages(node);
    if (step) openStep(step);
    const opened = step
      ? both.runs.map((run, k) => openPassage(step.querySelectorAll(`.side-${k} article`), run, to.passage))
      : [];
    arrive(node, shown, step, opened.find(Boolean) || null);
    return true;
  };
  return { node, title: `Two runs of ${one.case.title}`, turns: steps.length, update };
}

function pairHead(both) {
  const { runs, pair, uses } = both;
  const [one, other] = runs;
  const sameCase = one.case.name === other.case.name;
  const way = h(
    "a",
    { class: "button", href: address({ pair: pair.split(",").reverse().join(",") }) },
    "swap the two",
  );
  return h(
    "header",
    { class: "run-head" },
    h(
      "p",
      { class: "kicker" },
      h(
        "a",
        { href: address({ runs: "", source: uses.one.source, case: uses.one.case }) },
        "runs of ",
        inline(uses.one.case),
      ),
    ),
    h(
      "h1",
      { tabindex: "-1" },
      "Two runs of ",
      inline(one.case.title),
      sameCase ? null : [" and ", inline(other.case.title)],
    ),
    h(
      "ul",
      { class: "two" },
      runs.map((run, k) =>
        h(
          "li",
          { class: `side-${k}` },
          h("strong", null, SIDES[k].sign, " "),
          h("a", { href: address({ run: run.run_id }) }, inline(run.run_id)),
          run.status === "complete" ? null : ` (${run.status})`,
        ),
      ),
    ),
    h("p", { class: "divergence" }, divergence(both), " ", way),
  );
}

/** Where they part, as a button that leads there. */
function divergence({ runs, pair, steps, first, found }) {
  if (!first)
    return h(
      "span",
      null,
      `The two runs are alike in every turn, cell by cell and word by word (${plural(steps.length, "turn")}).`,
    );
  const { one, other } = steps[first.step - 1];
  const turn = one ? runs[0].turns[one - 1] : runs[1].turns[other - 1];
  const why = {
    table: first.cells ? plural(first.cells, "cell") : "one leaves no table",
    words: "their words; no table differs",
    alone: `only ${one ? SIDES[0].sign : SIDES[1].sign} has it`,
  }[first.why];
  const parted = found.filter((d) => d.table || d.alone).length;
  return [
    h(
      "a",
      { class: "button first-divergence", href: address({ pair, turn: first.step }) },
      `first divergence: turn ${first.step}, ${midSentence(turn.title)}, ${why}`,
    ),
    parted ? h("span", null, ` ${grouped(parted)} of ${plural(steps.length, "turn")} differ in a table. `) : null,
  ];
}

/** A title within a sentence: its first letter small, unless it is a seat's. */
function midSentence(title) {
  return /^\p{Lu}\p{Ll}/u.test(title) ? title[0].toLowerCase() + title.slice(1) : title;
}

/** One aligned turn: a line where both are alike, else both side by side. */
function stepOf(both, i) {
  const { runs, pair, steps, found, first } = both;
  const [d, step] = [found[i], steps[i]];
  const n = i + 1;
  const turn = step.one ? runs[0].turns[step.one - 1] : runs[1].turns[step.other - 1];
  const parts = first && first.step === n;
  const alike = !d.table && !d.words && !d.alone;
  const title = h(
    "h2",
    { id: `step-${n}-title` },
    h("a", { class: "place", href: address({ pair, turn: n }), title: "the address of this turn" }, `${n}`),
    " ",
    inline(turn.title),
    h("span", { class: `step-says ${alike ? "alike" : "differs"}` }, ` · ${saysOf(d, step)}`),
    parts ? h("strong", { class: "first" }, "⇄ first divergence") : null,
  );
  const item = h("li", {
    id: `step-${n}`,
    class: `step ${parts ? "parts" : ""}`,
    tabindex: "-1",
    "aria-labelledby": `step-${n}-title`,
  });
  const make = () =>
    h(
      "div",
      { class: "sides" },
      [0, 1].map((k) => sideOf(both, i, k)),
    );
  const early = first && n < first.step;
  if (alike || early || (d.alone && !parts)) add(item, [title, foldedAway("read it", make)]);
  else add(item, [title, lateSides(both, i, make)]);
  return item;
}

function saysOf(d, step) {
  if (d.alone) return `only in ${step.one ? SIDES[0].sign : SIDES[1].sign}`;
  if (d.table)
    return d.cells ? `${plural(d.cells, "cell")} differ${d.cells === 1 ? "s" : ""}` : "one leaves no table";
  return d.words ? "alike but for words" : "alike";
}

/** Both sides, drawn when they come near. */
function lateSides({ runs, steps }, i, make) {
  const slot = h("div", { class: "slot" });
  const rows = Math.max(...runs.map((run) => run.case.rows.length));
  slot.style.minHeight = `${12 + (steps[i].one && steps[i].other ? 2.6 * rows : 0)}rem`;
  return whenNear(slot, make);
}

function openStep(step) {
  step.querySelectorAll(":scope > .slot").forEach(drawNow);
  const details = step.querySelector(":scope > details");
  if (details) details.open = true;
  details?.fill();
}

/** One run's turn of a step, marked against the other's. */
function sideOf({ runs, pair, steps, same, found }, i, k) {
  const numbers = [steps[i].one, steps[i].other];
  const [mine, theirs] = [numbers[k], numbers[1 - k]];
  const [run, other] = [runs[k], runs[1 - k]];
  if (mine === null)
    return h("div", { class: `side side-${k} without` }, h("p", null, `${SIDES[k].sign} has no such turn.`));
  const twin = theirs === null ? null : other.turns[theirs - 1];
  const step = (n) => steps.findIndex((one) => (k ? one.other : one.one) === n) + 1;
  const pieces =
    twin && found[i].words
      ? wordDiff(
          ...(k
            ? [twin.said || "", run.turns[mine - 1].said || ""]
            : [run.turns[mine - 1].said || "", twin.said || ""]),
        )
      : null;
  const view = {
    level: "h3",
    id: (n) => `side-${k}-${n}`,
    link: (n) => address({ run: run.run_id, turn: n }),
    seen: (n) => address({ pair, turn: step(n) }),
    step: i + 1,
    sign: SIDES[k].sign,
    pieces: pieces ? pieces[k] : null,
    note:
      !twin || !found[i].words
        ? ""
        : pieces
          ? "Underlined: words that only this one has."
          : "Other words than beside it; too long to mark them one by one.",
    against: () => againstOther(run, other, twin, same[k]),
  };
  return h("div", { class: `side side-${k}` }, turnArticle(run, mine, view));
}

/** What a table is marked against beside another run: the same cell there. */
function againstOther(run, other, twin, same) {
  if (!twin || !twin.values) return null;
  return {
    was: "other:",
    says: "▲ ▼ ◆ mark what is other than beside it.",
    cell: (i, k) =>
      same.row[i] === undefined || same.column[k] === undefined
        ? undefined
        : twin.values[same.row[i]][same.column[k]],
    met: (i) => (twin.met && same.row[i] !== undefined ? twin.met[same.row[i]] : undefined),
  };
}
