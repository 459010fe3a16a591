"use strict";
// How is anything put on the page: as elements with text, never as markup, so that no word of a model can be code.

/** An element. `attributes`: strings, booleans, `on…` handlers; children: nodes, strings, numbers, arrays, null. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  return fill(element, attributes, children);
}

/** An SVG element, likewise. */
function s(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(element, child) {
  if (child === null || child === undefined || child === false) return;
  if (Array.isArray(child)) for (const one of child) add(element, one);
  else element.append(child instanceof Node ? child : String(child));
}

/** A number as a reader wants it: so many places, a true minus, an en dash for what is missing. */
function number(value, digits = 2, signed = false) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const rounded = Number(value).toFixed(digits);
  const text = Number(rounded) === 0 ? rounded.replace("-", "") : rounded;
  return (signed && Number(rounded) > 0 ? "+" : "") + text.replace("-", "−");
}

/** A wide thing in a box of its own that scrolls and can be focused, so that the page never scrolls sideways. */
function scrolled(label, ...children) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, ...children);
}
