// How does the page keep up with an experiment that is still running?

const LIVE = { version: null, touched: 0 };

const ASK_EVERY_MS = 2000;
const ASK_AGAIN_MS = 15000;

/** A reader who did something within this time is not interrupted by a page that loads itself anew. */
const AT_REST_MS = 8000;

function follow() {
  for (const kind of ["keydown", "pointerdown", "wheel", "touchmove"]) {
    addEventListener(kind, () => (LIVE.touched = performance.now()), { passive: true });
  }
  document.getElementById("live-reload").addEventListener("click", reloaded);
  askState();
}

/** Ask the server how far the experiment is; a server that does not answer has ended. */
async function askState() {
  const count = document.getElementById("live-count");
  let state;
  try {
    state = await (await fetch("state", { cache: "no-store" })).json();
  } catch {
    count.textContent = "the server has ended";
    return void setTimeout(askState, ASK_AGAIN_MS);
  }
  const of = state.planned === null ? "" : ` of ${state.planned.toLocaleString("en")}`;
  count.textContent = `${state.recorded.toLocaleString("en")}${of} runs${state.busy ? " · reading" : ""}`;
  if (LIVE.version === null) LIVE.version = DATA.version ?? state.version;
  if (state.version !== LIVE.version && mayReload()) return void reloaded();
  document.getElementById("live-reload").hidden = state.version === LIVE.version;
  setTimeout(askState, ASK_EVERY_MS);
}

/** The same address, scrolled as it was. */
function reloaded() {
  keepScroll();
  location.reload();
}

/** Not while someone types or reads on, or has a dialog open. */
function mayReload() {
  const rested = performance.now() - LIVE.touched > AT_REST_MS || LIVE.touched === 0;
  return rested && !typing(document.activeElement) && !document.querySelector("dialog[open]");
}
