// How does a season, a game or a dialogue look before one reads it: its course, step by step?

const SEASON = { width: 760, left: 44, right: 8, head: 28, stock: 120, gap: 44, catches: 150, foot: 32 };

/** A season: the stock by month above, what each seat took below, where the law bit between; each month leads to its turn. */
function seasonPicture(run, link) {
  const months = run.turns.map((turn, i) => ({ turn, n: i + 1 })).filter(({ turn }) => turn.kind === "month");
  const series = run.series || {};
  if (!months.length || !series.stock) return null;
  const seats = run.seats.map((seat) => ({ seat: seat.seat, taken: series[`taken:${seat.seat}`] || [] }));
  const lines = series.outside ? [...seats, { seat: "outsiders", taken: series.outside }] : seats;
  const top = niceTop(Math.max(...series.stock.filter((v) => v !== null)));
  const most = niceTop(
    Math.max(1, ...series.stock.map((_, m) => lines.reduce((sum, line) => sum + (line.taken[m] || 0), 0))),
  );
  const at = seasonScales(series.stock.length, top, most);
  const svg = s(
    "svg",
    {
      class: "season",
      viewBox: `0 0 ${SEASON.width} ${at.height}`,
      role: "group",
      "aria-label": "The stock by month, and what was taken",
    },
    axisOf(at, run),
    months.map(({ turn, n }, m) => monthColumn({ run, turn, n, m, at, lines, series, link })),
    stockLine(at, series.stock),
  );
  return pictureSection(
    "The stock and the catches, month by month",
    h("div", { class: "canvas" }, svg),
    seasonLegend(run, lines, series),
    seasonTable(run, months, lines, series, link),
  );
}

/** The least of 1, 2, 2.5, 5 × a power of ten that is no less. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

function seasonScales(count, top, most) {
  const inner = SEASON.width - SEASON.left - SEASON.right;
  const step = inner / Math.max(1, count);
  const floor = SEASON.head + SEASON.stock;
  const ground = floor + SEASON.gap + SEASON.catches;
  return {
    top,
    most,
    step,
    floor,
    ground,
    height: ground + SEASON.foot,
    x: (m) => SEASON.left + (m + 0.5) * step,
    stock: (value) => floor - (value / top) * SEASON.stock,
    taken: (value) => (value / most) * SEASON.catches,
  };
}

function axisOf(at, run) {
  const unit = run.case.columns[0]?.unit || "";
  const line = (y, text) => [
    s("line", { class: "grid", x1: SEASON.left, x2: SEASON.width - SEASON.right, y1: y, y2: y }),
    s("text", { class: "measure-mark", x: SEASON.left - 6, y: y + 4, "text-anchor": "end" }, text),
  ];
  return s(
    "g",
    { "aria-hidden": "true" },
    [0, 0.5, 1].map((share) => line(at.stock(share * at.top), amount(share * at.top))),
    [0, 1].map((share) => line(at.ground - at.taken(share * at.most), amount(share * at.most))),
    s("text", { class: "axis", x: SEASON.left, y: 12 }, `stock before the harvest, ${unit}`),
    s("text", { class: "axis", x: SEASON.left, y: at.floor + SEASON.gap - 14 }, `taken, ${unit}`),
  );
}

function stockLine(at, stock) {
  const points = stock.map((value, m) => (value === null ? null : [at.x(m), at.stock(value)])).filter(Boolean);
  return s(
    "g",
    { class: "stock", "aria-hidden": "true" },
    s("polyline", { points: points.map((point) => point.map((v) => v.toFixed(1)).join(",")).join(" ") }),
    points.map(([x, y]) => s("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 3 })),
  );
}

/** One month as a link: the bar of what was taken, seat upon seat, its law and bites, its number. */
function monthColumn({ turn, n, m, at, lines, series, link }) {
  const width = Math.min(44, at.step * 0.72);
  const x = at.x(m);
  let y = at.ground;
  const bars = lines.map((line, i) => {
    const height = at.taken(line.taken[m] || 0);
    y -= height;
    const letter =
      height >= 13 && width >= 14
        ? s(
            "text",
            { x, y: y + height / 2 + 4, "text-anchor": "middle" },
            line.seat.length > 2 ? line.seat.slice(0, 2) : line.seat,
          )
        : null;
    return s("g", { class: `catch seat-${i % 8}` }, s("rect", { x: x - width / 2, y, width, height }), letter);
  });
  const law = series.law?.[m];
  const bites = series.bites?.[m] || 0;
  const told = [
    `${turn.title}: stock ${amount(series.stock[m])}`,
    ...lines.map((line) => `${line.seat} took ${amount(line.taken[m])}`),
  ];
  if (law) told.push(`law #${law} in force${bites ? `, it bit ${bites} time${bites === 1 ? "" : "s"}` : ""}`);
  const every = Math.ceil(22 / at.step);
  return s(
    "a",
    { href: link(n), "aria-label": told.join("; ") },
    s("title", null, told.join("\n")),
    s("rect", { class: "hit", x: at.x(m) - at.step / 2, y: 0, width: at.step, height: at.height }),
    law ? s("rect", { class: "law", x: at.x(m) - at.step / 2, y: at.ground + 3, width: at.step, height: 5 }) : null,
    bars,
    bites ? s("text", { class: "bite", x, y: y - 4, "text-anchor": "middle" }, bites > 1 ? `▼${bites}` : "▼") : null,
    m % every === 0
      ? s("text", { class: "measure-mark", x, y: at.ground + 22, "text-anchor": "middle" }, String(turn.round))
      : null,
  );
}

function seasonLegend(run, lines, series) {
  const who = lines.map((line, i) =>
    h(
      "li",
      null,
      h("span", { class: `seat seat-${i % 8}` }, inline(line.seat)),
      " ",
      inline(run.seats[i]?.persona || "who owns no seat"),
    ),
  );
  const words = ["The line is the stock before each harvest; a bar is what was taken, seat upon seat."];
  if (series.law) words.push("The band under the months: a law is in force; ▼ where it bit, with how often.");
  words.push("Each month leads to its turn.");
  return h("div", { class: "legend" }, h("ul", { class: "who-list" }, who), h("p", null, words.join(" ")));
}

function seasonTable(run, months, lines, series, link) {
  return foldedAway("the same as a table", () => {
    const heads = [
      "month",
      "stock",
      ...lines.map((line) => `${line.seat} took`),
      ...(series.law ? ["law", "bites"] : []),
    ];
    const body = months.map(({ turn, n }, m) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, h("a", { href: link(n) }, turn.title)),
        h("td", { class: "num" }, amount(series.stock[m])),
        lines.map((line) => h("td", { class: "num" }, amount(line.taken[m]))),
        series.law
          ? [
              h("td", { class: "num" }, series.law[m] ? `#${series.law[m]}` : "–"),
              h("td", { class: "num" }, amount(series.bites[m])),
            ]
          : null,
      ),
    );
    const caption = h(
      "caption",
      null,
      "Stock before the harvest and catches by month, ",
      run.case.columns[0]?.unit || "units",
      ".",
    );
    return scrollBox(
      "stock and catches by month",
      h(
        "table",
        null,
        caption,
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            heads.map((words) => h("th", { scope: "col" }, words)),
          ),
        ),
        h("tbody", null, body),
      ),
    );
  });
}

/** A game: who did what, round by round; a star where the cell of the greatest welfare was played. */
function roundsPicture(run, link) {
  const rounds = run.turns
    .map((turn, i) => ({ turn, n: i + 1 }))
    .filter(({ turn }) => turn.kind === "play" && turn.values);
  if (!rounds.length) return null;
  const places = ["chosen", "done", "net"].map((name) => run.case.columns.findIndex((one) => one.id === name));
  const { best, bites } = run.series || {};
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, "seat"),
    rounds.map(({ turn, n }, m) =>
      h(
        "th",
        { scope: "col", class: best?.[m] ? "best" : null },
        h("a", { href: link(n) }, turn.title.replace("Round ", "")),
        best?.[m] ? [" ★", h("span", { class: "sr-only" }, " best cell")] : null,
        bites?.[m] ? [" ▼", h("span", { class: "sr-only" }, " the law bit")] : null,
      ),
    ),
  );
  const body = run.case.rows.map((row, i) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, seatChip(run, row.id), " ", inline(run.seats[i]?.persona || "")),
      rounds.map(({ turn }, m) => roundCell(turn.values[i], places, Boolean(best?.[m]))),
    ),
  );
  const words = ["What each seat did in each round, and below it what it got net."];
  if (best?.some(Boolean)) words.push("★ a cell of the greatest welfare.");
  if (bites?.some(Boolean)) words.push("▼ the law bit.");
  const table = h(
    "table",
    { class: "strip" },
    h("caption", null, words.join(" ")),
    h("thead", null, head),
    h("tbody", null, body),
  );
  return pictureSection("Who did what, round by round", scrollBox("the rounds of the game", table));
}

/** What one seat did in a round, what it had chosen if that was another, and what it got. */
function roundCell(values, places, best) {
  const [chosen, done, net] = places.map((k) => values[k]);
  const held = chosen !== done && chosen !== null;
  return h(
    "td",
    { class: best ? "best" : null },
    inline(amount(done)),
    held ? h("small", { class: "change" }, "◆ chose ", inline(amount(chosen))) : null,
    h("small", null, amount(net)),
  );
}

/** A deliberation: issues down, turns across, what each turn names; ≡ where every seat that spoke names the same. */
function planPicture(run, link) {
  const turns = run.turns.map((turn, i) => ({ turn, n: i + 1 })).filter(({ turn }) => turn.values);
  if (!turns.length || !run.case.rows.length) return null;
  const options = run.case.rows.map((row) => optionNames(row));
  const last = run.case.rows.map(() => new Map());
  const agreed = run.case.rows.map(() => []);
  turns.forEach(({ turn }, t) =>
    run.case.rows.forEach((_, i) => {
      if (turn.seat && turn.kind === "speak" && turn.values[i][0] !== null) last[i].set(turn.seat, turn.values[i][0]);
      const named = run.seats.map((seat) => last[i].get(seat.seat));
      agreed[i][t] = named.length > 1 && named.every((option) => option !== undefined && option === named[0]);
    }),
  );
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, "issue"),
    turns.map(({ turn, n }) =>
      h(
        "th",
        { scope: "col" },
        h("a", { href: link(n), "aria-label": `turn ${n}, ${turn.title}` }, String(n)),
        " ",
        turn.seat ? seatChip(run, turn.seat) : h("small", null, turn.kind === "judge" ? "judge" : "plan"),
      ),
    ),
  );
  const body = run.case.rows.map((row, i) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, inline(row.id.replaceAll("_", " "))),
      turns.map(({ turn }, t) => planCell(turn, turn.values[i][0], options[i], agreed[i][t])),
    ),
  );
  const caption = h(
    "caption",
    null,
    "Which option each turn names, by number as listed below; – none. ≡ on a tint: both seats name the same by then.",
  );
  const table = h("table", { class: "strip plan" }, caption, h("thead", null, head), h("tbody", null, body));
  return pictureSection("The plan, turn by turn", scrollBox("the plan by turn", table), optionKey(run, options));
}

/** The options of an issue in words, in order: what its cells say. */
function optionNames(row) {
  return (row.facts || [])
    .filter(([label]) => label.startsWith("option "))
    .map(([label, value]) => ({ name: label.slice(7), says: value }));
}

function planCell(turn, value, options, agreed) {
  const place =
    value === null
      ? -1
      : options.findIndex((option) => option.says === value || option.says.startsWith(`${value} (serves`));
  const mark = value === null ? "–" : place >= 0 ? String(place + 1) : "?";
  const mine = turn.seat && turn.kind === "speak";
  return h(
    "td",
    { class: agreed && mine && value !== null ? "num agreed" : "num", title: value },
    mark,
    agreed && mine && value !== null ? [" ≡", h("span", { class: "sr-only" }, " agreed")] : null,
    value !== null && place < 0 ? h("small", null, inline(value)) : null,
  );
}

function optionKey(run, options) {
  const items = run.case.rows.map((row, i) => {
    const asks = (row.facts || []).find(([label]) => label === "asks");
    return h(
      "li",
      null,
      h("strong", null, inline(row.id.replaceAll("_", " "))),
      asks ? [": ", inline(asks[1])] : null,
      h(
        "ol",
        null,
        options[i].map((option) => h("li", { dir: "auto" }, visible(option.says))),
      ),
    );
  });
  return h("ul", { class: "options" }, items);
}
