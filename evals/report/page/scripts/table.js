// What does a turn leave: the table of its case, each cell with its need, and marked where it is another than before?

/** A quantity: at most two places, none that say nothing. */
function amount(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  const rounded = Math.round(value * 100) / 100;
  return (Object.is(rounded, -0) ? 0 : rounded).toLocaleString("en", { maximumFractionDigits: 2 }).replace("-", "−");
}

/** A share as a percentage. */
function percent(share) {
  return share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`;
}

/** Whether two cells are told apart: by more than 1e-4 or a millionth of the capacity; words, by any letter.
 *  Where a column is bounded, nothing given is 0. */
function differs(one, other, capacity) {
  const bounded = capacity !== null && capacity !== undefined;
  const [a, b] = [one, other].map((v) => (v === null || v === undefined ? (bounded ? 0 : null) : v));
  if (typeof a !== "number" || typeof b !== "number") return a !== b;
  return Math.abs(a - b) > Math.max(1e-4, 1e-6 * (capacity || 0));
}

/** The groups that any seat of a run favours. */
function favoured(run) {
  return new Set(run.seats.flatMap((seat) => seat.favours || []));
}

/** Whether a row of the case belongs to a group that a seat favours. */
function isFavoured(run, row) {
  const groups = favoured(run);
  return (row.groups || []).some((group) => groups.has(group));
}

/** The table of a turn. `against`: {cell(row, column), met(row), was} gives what it is marked against; or null. */
function turnTable(run, turn, caption, against) {
  const { rows, columns } = run.case;
  const met = (turn.met || []).some((share) => share !== null);
  const contested = new Set((turn.contested || []).map(([i, k]) => `${i},${k}`));
  const textual = columns.map((_, k) => turn.values.some((row) => typeof row[k] === "string"));
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, h("span", { class: "sr-only" }, "who or what")),
    columns.map((c, k) =>
      h(
        "th",
        { scope: "col", class: textual[k] ? null : "num" },
        inline(c.title),
        c.unit ? h("small", null, inline(c.unit)) : null,
      ),
    ),
    met ? h("th", { scope: "col", class: "num" }, "need met") : null,
  );
  const body = rows.map((row, i) =>
    h(
      "tr",
      null,
      rowHead(run, row),
      columns.map((column, k) =>
        cell(turn.values[i][k], {
          row,
          column,
          k,
          i,
          against,
          textual: textual[k],
          disputed: contested.has(`${i},${k}`),
        }),
      ),
      met ? metCell(turn.met[i], against ? against.met(i) : undefined) : null,
    ),
  );
  return h(
    "table",
    { class: columns.length > 3 ? "left many" : "left" },
    h("caption", null, h("span", { class: "caption" }, caption)),
    h("thead", null, head),
    h("tbody", null, body),
    totals(turn, columns, met),
  );
}

function rowHead(run, row) {
  const star = isFavoured(run, row);
  const facts = (row.facts || []).map(([label, value]) => `${label}: ${value}`).join("; ");
  return h(
    "th",
    { scope: "row", title: facts || null },
    inline(row.id),
    star ? h("span", { class: "star" }, " ★", h("span", { class: "sr-only" }, " favoured by a seat")) : null,
  );
}

function cell(value, { row, column, k, i, against, textual, disputed }) {
  const need = row.needs ? row.needs[k] : null;
  const before = against ? against.cell(i, k) : undefined;
  const other = before !== undefined && differs(value, before, column.capacity);
  const words = textual || typeof before === "string";
  const sign = !other
    ? ""
    : words || typeof value !== "number" || typeof before !== "number"
      ? "other"
      : value > before
        ? "up"
        : "down";
  return h(
    "td",
    { class: `${words ? "text" : "num"} ${sign}`.trim() },
    inline(amount(value)),
    need === null || need === undefined ? null : h("small", { class: "need" }, ` of ${amount(need)}`),
    disputed ? h("span", { class: "flag" }, " ⚑", h("span", { class: "sr-only" }, " in dispute")) : null,
    other ? h("small", { class: "change" }, changeOf(value, before, sign, against.was)) : null,
  );
}

/** What changed in a cell, in a few signs: `▲ +3`, `◆ was hold`; beside another run both values, `▲ +3, other 2`. */
function changeOf(value, before, sign, was) {
  if (sign === "other") return ["◆ ", was, " ", inline(amount(before))];
  const size = amount(Math.abs(value - before));
  const by = [sign === "up" ? "▲ " : "▼ ", size === "0" ? "<0.01" : (sign === "up" ? "+" : "−") + size];
  return was === "was" ? by : [h("span", null, by, ", "), h("span", null, was, " ", amount(before))];
}

function metCell(share, before) {
  const other = typeof before === "number" && typeof share === "number" && Math.abs(share - before) >= 0.005;
  const sign = other ? (share > before ? "up" : "down") : "";
  const bar = s(
    "svg",
    { class: "met-bar", viewBox: "0 0 40 6", width: 40, height: 6, "aria-hidden": "true" },
    s("rect", { class: "empty", width: 40, height: 6 }),
    s("rect", { class: "full", width: 40 * Math.min(1, Math.max(0, share || 0)), height: 6 }),
  );
  const change = other
    ? `${share > before ? "▲ +" : "▼ −"}${Math.round(Math.abs(share - before) * 100)} points`
    : null;
  return h(
    "td",
    { class: `num ${sign}`.trim() },
    percent(share),
    " ",
    bar,
    change ? h("small", { class: "change" }, change) : null,
  );
}

/** A last line: how much of each bounded column is given away. */
function totals(turn, columns, met) {
  if (!columns.some((column) => typeof column.capacity === "number")) return null;
  const sums = columns.map((_, k) => turn.values.reduce((sum, row) => sum + (row[k] || 0), 0));
  return h(
    "tfoot",
    null,
    h(
      "tr",
      null,
      h("th", { scope: "row" }, "in all"),
      columns.map((c, k) =>
        h(
          "td",
          { class: "num" },
          amount(sums[k]),
          typeof c.capacity === "number" ? h("small", null, ` of ${amount(c.capacity)}`) : null,
        ),
      ),
      met ? h("td", null) : null,
    ),
  );
}

/** A box that scrolls sideways, and takes the focus where there is something to scroll. */
function scrollBox(label, ...children) {
  const box = h("div", { class: "wide" }, children);
  OVERFLOW.observe(box);
  box.dataset.label = label;
  return box;
}

const OVERFLOW = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const wide = target.scrollWidth > target.clientWidth;
    for (const [name, value] of [
      ["tabindex", "0"],
      ["role", "group"],
      ["aria-label", target.dataset.label],
    ])
      if (wide) target.setAttribute(name, value);
      else target.removeAttribute(name);
  }
});

const WAITING = new Map();

const NEAR = new IntersectionObserver(
  (seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) drawNow(target);
  },
  { rootMargin: "1200px" },
);

/** Fill an element when it comes near the screen, or is printed. */
function whenNear(element, draw) {
  WAITING.set(element, draw);
  NEAR.observe(element);
  return element;
}

function drawNow(element) {
  const draw = WAITING.get(element);
  if (!draw) return;
  WAITING.delete(element);
  NEAR.unobserve(element);
  element.style.minHeight = "";
  element.replaceChildren(draw());
}

window.addEventListener("beforeprint", () => {
  for (const element of WAITING.keys()) if (element.isConnected) drawNow(element);
});

/** Forget what waits in views that are gone. */
function forgetGone() {
  for (const element of [...WAITING.keys()]) {
    if (element.isConnected) continue;
    WAITING.delete(element);
    NEAR.unobserve(element);
  }
}
