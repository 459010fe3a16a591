// How do the findings fit the reader: long tables folded, boxes reached by keyboard only where they scroll?

/** Tables of more rows than are seen at first: the rest folded, with a button that says how many there are. */
function foldTables() {
  for (const table of document.querySelectorAll("#document table[data-few]")) {
    const rows = [...table.tBodies[0].rows];
    const few = Number(table.dataset.few);
    if (rows.length <= few + 2) continue;
    for (const row of rows.slice(few)) row.classList.add("rest");
    const button = h("button", { type: "button", "aria-expanded": "false", "aria-controls": table.closest(".tabled").id });
    const fold = (folded) => {
      table.classList.toggle("folded", folded);
      button.setAttribute("aria-expanded", String(!folded));
      button.textContent = folded ? `Show all ${rows.length} rows` : `Show the first ${few} rows`;
    };
    button.addEventListener("click", () => fold(!table.classList.contains("folded")));
    fold(true);
    toolsOf(table.closest(".tabled")).prepend(button);
  }
}

/** Where the buttons of a table or a figure stand. */
function toolsOf(box) {
  const there = box.querySelector(":scope > .tools");
  if (there) return there;
  const made = h("p", { class: "tools" });
  const after = box.querySelector(":scope > .scroll");
  after.after(made);
  return made;
}

/** A box can be focused where it scrolls, so that arrow keys move it; elsewhere it would be one stop more for Tab. */
function focusWhereScrolled() {
  const boxes = document.querySelectorAll("#document .scroll");
  const watch = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of boxes) watch.observe(box);
}

/** In the contents, the section that is read; on a small screen they are closed until asked for. */
function followContents() {
  const details = document.querySelector(".contents details");
  if (!details) return;
  if (matchMedia("(max-width: 63.99rem)").matches) details.open = false;
  const links = new Map();
  for (const a of details.querySelectorAll("a")) links.set(a.getAttribute("href").slice(1), a);
  const near = new IntersectionObserver((changes) => {
    const met = changes.filter((change) => change.isIntersecting).pop();
    if (!met) return;
    for (const a of links.values()) a.removeAttribute("aria-current");
    links.get(met.target.id).setAttribute("aria-current", "true");
  }, { rootMargin: "-15% 0px -80% 0px" });
  for (const id of links.keys()) {
    const section = document.getElementById(id);
    if (section && !section.classList.contains("source")) near.observe(section);
  }
}

foldTables();
focusWhereScrolled();
followContents();
