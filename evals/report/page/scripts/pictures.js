// How does a run look before one reads it: who got what through the rounds, in small maps of the ward?

/** The picture of a run as a section; null where its setting has none that says something. `link(n)`: to a turn. */
function picture(run, link) {
  const draw = { triage: wardPicture, commons: seasonPicture, games: roundsPicture, deliberation: planPicture }[
    run.setting
  ];
  return draw ? draw(run, link) : null;
}

function pictureSection(title, ...children) {
  return h(
    "section",
    { class: "run-picture", "aria-labelledby": "picture-title" },
    h("h2", { id: "picture-title" }, title),
    children,
  );
}

/** Maps beyond these are drawn as they come near. */
const MAPS_AT_ONCE = 24;

const TILE = { width: 40, height: 40, gap: 4 };

/** The turns that a ward map is drawn of: solos, the merge without debate, the merge of each round, exit solos. */
function stagesOf(run) {
  const kinds = ["solo", "no_debate", "merge", "exit_solo"];
  return run.turns.map((turn, i) => ({ turn, n: i + 1 })).filter(({ turn }) => kinds.includes(turn.kind) && turn.met);
}

/** Who got what through the rounds: the ward, once a stage, each patient filled as far as the need is met. */
function wardPicture(run, link) {
  const stages = stagesOf(run);
  if (!stages.length) return null;
  const joint = stages.filter(({ turn }) => turn.kind === "merge").pop();
  const across = Math.max(2, Math.ceil(Math.sqrt(run.case.rows.length)));
  const maps = stages.map((stage, i) => {
    const item = h("li", { class: stage === joint ? "joint" : null });
    const draw = () => wardMap(run, stage, across, link, stage === joint);
    if (i >= MAPS_AT_ONCE) return whenNear(item, draw);
    item.append(draw());
    return item;
  });
  const facts = h(
    "p",
    { class: "patient-facts", "aria-live": "polite" },
    "Point at a patient, or choose one here, to see who it is and what it got through the rounds.",
  );
  const patients = h(
    "div",
    { class: "patients", role: "group", "aria-label": "Patients" },
    run.case.rows.map((row, i) => patientButton(run, row, i)),
  );
  const section = pictureSection(
    "Who got what through the rounds",
    h("ol", { class: "maps" }, maps),
    h("div", { class: "who-is-who" }, patients, facts),
    wardLegend(run, stages),
    sharesTable(run, stages, link),
  );
  pointing(section, run, stages, facts);
  return section;
}

function patientButton(run, row, i) {
  return h(
    "button",
    { type: "button", "data-row": i, "aria-pressed": "false" },
    inline(row.id),
    isFavoured(run, row) ? h("span", { class: "star" }, " ★", h("span", { class: "sr-only" }, " favoured")) : null,
  );
}

function wardLegend(run, stages) {
  const words = [
    "A tile is a patient, filled from below by the share of its need that is met (the number, in percent).",
  ];
  if (run.case.rows.some((row) => isFavoured(run, row))) words.push("★ a seat favours its group.");
  if (stages.some(({ turn }) => turn.contested))
    words.push("⚑ with a broken edge: something of it is still in dispute.");
  words.push("The thick frame is the outcome. Each map leads to its turn.");
  return h("p", { class: "legend" }, words.join(" "));
}

function wardMap(run, { turn, n }, across, link, joint) {
  const rows = run.case.rows;
  const size = TILE.width + TILE.gap;
  const [width, height] = [across * size - TILE.gap + 2, Math.ceil(rows.length / across) * size - TILE.gap + 2];
  const disputed = new Set((turn.contested || []).map(([i]) => i));
  const known = turn.met.filter((share) => share !== null);
  const mean = known.reduce((sum, share) => sum + share, 0) / known.length;
  const least = Math.min(...known);
  const spoken = rows
    .map((row, i) => `${row.id} ${percent(turn.met[i])}${disputed.has(i) ? ", in dispute" : ""}`)
    .join("; ");
  const svg = s(
    "svg",
    {
      viewBox: `-1 -1 ${width} ${height}`,
      width: Math.round(width * 0.9),
      role: "img",
      "aria-label": `${turn.title}: ${spoken}`,
    },
    rows.map((row, i) =>
      tile(run, row, i, turn.met[i], disputed.has(i), [(i % across) * size, Math.floor(i / across) * size]),
    ),
  );
  return h(
    "a",
    { href: link(n) },
    h(
      "span",
      { class: "stage" },
      turn.seat && turn.kind !== "merge" ? [seatChip(run, turn.seat), " "] : null,
      stageName(turn, joint),
    ),
    svg,
    h(
      "span",
      { class: "sum" },
      known.length
        ? `least ${percent(least)} mean ${percent(mean)}`
            .replaceAll(" %", "\u00a0%")
            .replaceAll(/(least|mean) /g, "$1\u00a0")
        : "nothing to meet",
    ),
  );
}

function stageName(turn, joint) {
  if (turn.kind === "solo") return "alone";
  if (turn.kind === "exit_solo") return "asked again";
  if (turn.kind === "no_debate") return "merged without debate";
  return joint ? `round ${turn.round}: outcome` : `round ${turn.round}`;
}

function tile(run, row, i, share, disputed, [x, y]) {
  const { width, height } = TILE;
  const full = share === null || share === undefined ? 0 : Math.max(0, Math.min(1, share)) * height;
  const star = isFavoured(run, row) ? "★" : "";
  const facts = (row.facts || []).map(([label, value]) => `${label}: ${value}`).join("\n");
  return s(
    "g",
    { class: disputed ? "tile disputed" : "tile", transform: `translate(${x} ${y})`, "data-row": i },
    s(
      "title",
      null,
      `${row.id}: ${percent(share)} of need met${disputed ? ", in dispute" : ""}${facts ? `\n${facts}` : ""}`,
    ),
    s("rect", { class: "empty", width, height }),
    s("rect", { class: "full", y: height - full, width, height: full }),
    s("rect", { class: "edge", width, height }),
    s("text", { class: "id", x: 3, y: 10 }, row.id.length > 5 ? `${row.id.slice(0, 4)}…` : row.id),
    s("text", { class: "sign", x: width - 3, y: 10, "text-anchor": "end" }, `${disputed ? "⚑" : ""}${star}`),
    s(
      "text",
      { class: "share", x: width / 2, y: 29, "text-anchor": "middle" },
      share === null || share === undefined ? "–" : Math.round(share * 100),
    ),
  );
}

/** A patient pointed at, or chosen, is marked in every map, and its facts are told. */
function pointing(section, run, stages, facts) {
  const chosen = { row: null };
  const told = (i) => {
    const row = run.case.rows[i];
    const shares = stages.map(({ turn }) => percent(turn.met[i])).join(" → ");
    const known = (row.facts || []).map(([label, value]) => [
      label === "says" ? "" : `${label} `,
      inline(value),
      " · ",
    ]);
    facts.replaceChildren(h("strong", null, inline(row.id)), " · ");
    add(facts, [known, `need met: ${shares}`]);
  };
  const show = (i) => {
    for (const one of section.querySelectorAll("[data-row]")) one.classList.toggle("pointed", one.dataset.row === i);
    if (i !== null) told(Number(i));
  };
  const at = (event) => event.target.closest("[data-row]");
  section.addEventListener("pointerover", (event) => at(event) && show(at(event).dataset.row));
  section.addEventListener("pointerleave", () => show(chosen.row));
  section.addEventListener("focusin", (event) => at(event) && show(at(event).dataset.row));
  section.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-row]");
    if (!button) return;
    chosen.row = chosen.row === button.dataset.row ? null : button.dataset.row;
    for (const one of section.querySelectorAll("button[data-row]"))
      one.setAttribute("aria-pressed", String(one.dataset.row === chosen.row));
    show(chosen.row);
  });
}

/** The same in numbers, with who each patient is: what a picture cannot say exactly. */
function sharesTable(run, stages, link) {
  const labels = [...new Set(run.case.rows.flatMap((row) => (row.facts || []).map(([label]) => label)))];
  return foldedAway("the same as a table, with what is known of each patient", () => {
    const head = h(
      "tr",
      null,
      h("th", { scope: "col" }, "patient"),
      stages.map(({ turn, n }) => h("th", { scope: "col" }, h("a", { href: link(n) }, turn.title))),
      labels.map((label) => h("th", { scope: "col" }, inline(label))),
    );
    const body = run.case.rows.map((row, i) => {
      const known = Object.fromEntries(row.facts || []);
      return h(
        "tr",
        null,
        rowHead(run, row),
        stages.map(({ turn }) => h("td", { class: "num" }, percent(turn.met[i]))),
        labels.map((label) => h("td", null, known[label] === undefined ? "–" : inline(known[label]))),
      );
    });
    const caption = h("caption", null, "Share of each patient's need that is met, by stage.");
    return scrollBox(
      "need met by patient and stage",
      h("table", null, caption, h("thead", null, head), h("tbody", null, body)),
    );
  });
}

/** Something folded away under a few words, made when it is opened (or printed, where `now`). */
function foldedAway(words, make, { open = false } = {}) {
  const details = h("details", { open }, h("summary", null, words));
  details.fill = () => details.children.length === 1 && details.append(make());
  if (open) details.fill();
  details.addEventListener("toggle", () => details.open && details.fill());
  return details;
}
