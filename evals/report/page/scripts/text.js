// How do words of a model stand on the page: isolated, every hidden sign visible, folded where they are long?

const FOLD_AT = 600;
const STEP = 20000;

/** Signs that hide or reorder what is around them: bidi controls, other controls, zero-width and tag characters. */
const HIDDEN =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/** Text as nodes: each hidden sign as a mark such as ⟨U+202E⟩. */
function visible(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > from) nodes.push(text.slice(from, found.index));
    nodes.push(h("span", { class: "hidden-sign", title: "a character that is not seen" }, codeOf(found[0])));
    from = found.index + found[0].length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

function codeOf(character) {
  return `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** Text on one line, isolated from what stands around it: a title, a name, a cell. */
function inline(text, attributes) {
  return h("bdi", attributes, visible(String(text)));
}

/** A text as a block: folded after some 600 characters, and opened in steps, so that a megabyte hangs nothing. */
function words(text, attributes) {
  return wordsOf([{ text: String(text) }], FOLD_AT, attributes);
}

/** Pieces [{text, tag}], one after another, as one folded block; a piece with a tag stands in such an element. */
function wordsOf(pieces, fold, attributes) {
  const length = pieces.reduce((sum, piece) => sum + piece.text.length, 0);
  const all = length <= fold * 1.25;
  const body = h("div", { class: "words", dir: "auto", ...attributes });
  const rest = { pieces, at: 0, from: 0, done: 0 };
  pour(body, rest, all ? length : fold);
  if (all) return body;
  const more = h("button", { type: "button", class: "more", "aria-expanded": "false" });
  const tell = () => {
    const next = Math.min(STEP, length - rest.done);
    const whole = rest.done + next >= length;
    more.textContent = whole
      ? `show all (${grouped(length)} characters)`
      : `show ${grouped(next)} more of ${grouped(length)} characters`;
  };
  const ellipsis = h("span", { class: "ellipsis" }, " …");
  body.append(ellipsis);
  tell();
  more.addEventListener("click", () => {
    if (rest.done >= length) {
      body.replaceChildren();
      Object.assign(rest, { at: 0, from: 0, done: 0 });
      pour(body, rest, fold);
      body.append(ellipsis);
      more.setAttribute("aria-expanded", "false");
      tell();
      return;
    }
    ellipsis.remove();
    pour(body, rest, STEP);
    more.setAttribute("aria-expanded", "true");
    if (rest.done >= length) more.textContent = "show less";
    else (body.append(ellipsis), tell());
  });
  return h("div", { class: "folded" }, body, more);
}

/** So many more characters of the pieces into an element, cut between words where a space is near. */
function pour(element, rest, count) {
  let left = count;
  while (left > 0 && rest.pieces.length > rest.at) {
    const { text, tag } = rest.pieces[rest.at];
    const from = rest.from;
    const to = from + left >= text.length ? text.length : cutAt(text, from, from + left);
    const nodes = visible(text.slice(from, to));
    add(element, tag ? h(tag, null, nodes) : nodes);
    left -= to - from;
    rest.done += to - from;
    rest.from = to;
    if (to >= text.length) Object.assign(rest, { at: rest.at + 1, from: 0 });
    else break;
  }
}

/** A place at most `to` to cut a text: after a space if one is near, never within a character. */
function cutAt(text, from, to) {
  const space = text.lastIndexOf(" ", to);
  if (space > Math.max(from, to - 40)) return space + 1;
  const code = text.charCodeAt(to);
  return code >= 0xdc00 && code <= 0xdfff && to - 1 > from ? to - 1 : to;
}

/** A whole number with its thousands apart. */
function grouped(count) {
  return count.toLocaleString("en");
}

const DIFFED_AT_MOST = 4000;

/** What two texts have that the other has not: pieces of each, and where the first difference of each ends. */
function wordDiff(one, other) {
  if (one === other || one.length > DIFFED_AT_MOST || other.length > DIFFED_AT_MOST) return null;
  const [a, b] = [one, other].map(
    (text) => text.match(/\s+|\p{N}+(?:[.,]\p{N}+)*|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [],
  );
  const kept = commonWords(a, b);
  return [piecesOf(a, kept[0], "del"), piecesOf(b, kept[1], "ins")];
}

/** Of two lists of words, which of each belong to a longest common subsequence: two lists of booleans. */
function commonWords(a, b) {
  const inA = new Array(a.length).fill(false);
  const inB = new Array(b.length).fill(false);
  const keep = (i, j) => (inA[i] = inB[j] = true);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) keep(start, start++);
  let [enda, endb] = [a.length, b.length];
  while (enda > start && endb > start && a[enda - 1] === b[endb - 1]) keep(--enda, --endb);
  const width = endb - start + 1;
  const longest = new Uint16Array((enda - start + 1) * width);
  for (let i = enda - 1; i >= start; i--)
    for (let j = endb - 1; j >= start; j--) {
      const at = (i - start) * width + (j - start);
      longest[at] = a[i] === b[j] ? longest[at + width + 1] + 1 : Math.max(longest[at + width], longest[at + 1]);
    }
  for (let i = start, j = start; i < enda && j < endb;) {
    const at = (i - start) * width + (j - start);
    if (a[i] === b[j]) keep(i++, j++);
    else if (longest[at + width] >= longest[at + 1]) i++;
    else j++;
  }
  return [inA, inB];
}

/** Words run together into pieces; those not kept stand in `tag`. A space between two such words goes with them. */
function piecesOf(tokens, kept, tag) {
  const alone = tokens.map((token, i) => {
    const gap = /^\s+$/.test(token) && i > 0 && i + 1 < tokens.length;
    return gap ? !kept[i - 1] && !kept[i + 1] : !kept[i];
  });
  const pieces = [];
  tokens.forEach((token, i) => {
    const last = pieces[pieces.length - 1];
    const mark = alone[i] ? tag : "";
    if (last && last.tag === mark) last.text += token;
    else pieces.push({ text: token, tag: mark });
  });
  return pieces;
}
