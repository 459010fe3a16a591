// How does one take a figure or a table out of the page?

/** Hand a text to the reader as a file. */
function handOver(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const a = h("a", { href: url, download: name });
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A drawing as a file of its own: as wide as it was drawn, in the colours of paper. */
function saveFigure(figure) {
  const drawn = figure.querySelector("svg").cloneNode(true);
  const [, , width, height] = drawn.getAttribute("viewBox").split(" ");
  drawn.setAttribute("width", `${width}pt`);
  drawn.setAttribute("height", `${height}pt`);
  handOver(`${figure.dataset.name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(drawn));
}

/** A table as CSV: numbers that a program reads, nothing where nothing is, and no cell that a spreadsheet would run. */
function csvOf(table) {
  const line = (row) => [...row.cells].map((cell) => quotedCell(cell.textContent.trim())).join(",");
  return [...table.rows].map(line).join("\r\n") + "\r\n";
}

function quotedCell(said) {
  if (said === "–") return "";
  const minus = said.replace(/^−(?=[.\d])/, "-");
  const plain = /^[+-]?[.\d]/.test(minus) || !/^[=+\-@\t\r]/.test(minus) ? minus : `'${minus}`;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function offerSaving() {
  for (const figure of document.querySelectorAll("#document figure[data-name]")) {
    const words = ["Save SVG", h("span", { class: "sr-only" }, `: ${figure.dataset.name}`)];
    toolsOf(figure).append(h("button", { type: "button", onclick: () => saveFigure(figure) }, ...words));
  }
  for (const box of document.querySelectorAll("#document .tabled")) {
    const table = box.querySelector("table");
    if (!table) continue;
    const words = ["Save CSV", h("span", { class: "sr-only" }, `: ${table.caption.textContent}`)];
    const save = () => handOver(`${box.id}.csv`, "text/csv;charset=utf-8", csvOf(table));
    toolsOf(box).append(h("button", { type: "button", onclick: save }, ...words));
  }
}

offerSaving();
