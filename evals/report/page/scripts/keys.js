// How does one read without a mouse: which key does what, and where is that told?

const KEYS = [
  ["j", "next turn", () => turned(1)],
  ["k", "previous turn", () => turned(-1)],
  ["n", "next run, or pair of runs, of the list last shown", () => moved(1)],
  ["p", "previous run, or pair of runs", () => moved(-1)],
  ["f", "findings", () => go({})],
  ["r", "runs", () => go({ runs: "" })],
  ["/", "search all arguments", () => document.getElementById("search-words").focus()],
  ["?", "this help", () => openHelp()],
  ["Escape", "back to where one came from", () => leave()],
];

const ADDRESSES = [
  ["#", "the findings"],
  ["#finding=H1", "one hypothesis and every pair of runs behind its number"],
  ["#runs", "all runs; with &condition=, &case=, &role=, &source= or &status= some of them"],
  ["#runs&q=WORDS", "every argument that says these words; “some words” between quotes as a phrase"],
  ["#run=ID&turn=5", "one run at its fifth turn; with &passage=ID a passage that it cites"],
  ["#pair=ID,ID&turn=3", "two runs side by side"],
];

function listenToKeys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.isComposing) return;
    const dialog = document.querySelector("dialog[open]");
    if (dialog || typing(event.target)) {
      if (event.key === "Escape" && !dialog) event.target.blur();
      return;
    }
    const found = KEYS.find(([key]) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2]();
  });
}

/** Whether keys are wanted as letters where they are pressed. */
function typing(target) {
  return (
    target instanceof Element &&
    Boolean(target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]"))
  );
}

/** So many turns on; the first where none is shown yet. */
function turned(step) {
  const turns = SHOWN.view ? SHOWN.view.turns : 0;
  if (!turns) return;
  const params = here();
  const now = Number(params.turn) || 0;
  const turn = Math.min(turns, Math.max(1, now + step));
  if (turn !== now) go({ ...params, turn, passage: null }, { replace: true });
}

/** So many runs or pairs on in the list at hand. */
function moved(step) {
  const next = neighbour(step);
  if (next) go(next, { replace: true });
  else if (here().run || here().pair)
    announce(step > 0 ? "This is the last of the list." : "This is the first of the list.");
}

function openHelp() {
  const close = h("form", { method: "dialog" }, h("button", { "aria-label": "Close the help" }, "Close"));
  const dialog = h("dialog", { "aria-labelledby": "help-title" }, close, helpTold("h2", "help-title"));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

async function viewHelp() {
  return { node: helpTold("h1"), title: "Help", turns: 0, update: () => true };
}

function helpTold(level, id = null) {
  const below = level === "h1" ? "h2" : "h3";
  const shown = (key) => (key === "Escape" ? "Esc" : key);
  const keys = KEYS.map(([key, says]) => [h("kbd", null, shown(key)), says]);
  const addresses = ADDRESSES.map(([words, says]) => [h("code", null, words), says]);
  return h(
    "section",
    { class: "help" },
    h(level, { id }, "Help"),
    h(
      "p",
      null,
      "The findings are read from top to bottom. Every number of a hypothesis leads to the runs behind it, ",
      "and every run to its turns, what each seat said, what it cited, and the table it left.",
    ),
    h(below, null, "Keys"),
    told(["key", "what it does"], keys, "Keys"),
    h(below, null, "Addresses"),
    h(
      "p",
      null,
      "Whatever is on the screen has an address of its own: copy it from the address bar to show it to someone ",
      "who has the same file.",
    ),
    told(["address", "what it shows"], addresses, "Addresses"),
  );
}

function told(headings, rows, caption) {
  const head = h(
    "tr",
    null,
    headings.map((heading) => h("th", { scope: "col" }, heading)),
  );
  const body = rows.map((row) =>
    h(
      "tr",
      null,
      row.map((cell) => h("td", null, cell)),
    ),
  );
  return h(
    "table",
    { class: "keys" },
    h("caption", { class: "sr-only" }, caption),
    h("thead", null, head),
    h("tbody", null, body),
  );
}
