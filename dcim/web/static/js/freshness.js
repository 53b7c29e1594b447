// The age beside "as of", and polling that rests while nobody looks or somebody edits a row.
const TICK = 1000;

export function startFreshness() {
  setInterval(tick, TICK);
  tick();
  document.addEventListener("visibilitychange", tick);
  // Timed requests only: what a person asked for always goes out.
  document.addEventListener("htmx:before:request", (event) => {
    const source = event.detail.ctx.sourceElement;
    if (!source?.hasAttribute("data-refreshes")) return;
    const editing = source.contains(document.activeElement)
      && document.activeElement.matches("input, select, textarea");
    if (document.hidden || editing) event.preventDefault();
  });
}

function tick() {
  document.querySelectorAll("[data-as-of]").forEach(age);
  document.querySelectorAll("[data-until]").forEach(countDown);
}

// What is left until an instant, to the second; past it the words given.
function countDown(element) {
  const left = Math.ceil((Date.parse(element.dataset.until) - Date.now()) / 1000);
  element.textContent = left > 0 ? asClock(left) : element.dataset.past;
}

function asClock(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

function age(element) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(element.dataset.asOf)) / 1000));
  const out = element.querySelector("[data-age]");
  const language = document.documentElement.lang;
  if (out) out.textContent = inWords(seconds, language);
  const limit = Number(element.dataset.staleAfter || 0);
  const stale = limit > 0 && seconds > limit;
  element.classList.toggle("stale", stale);
  if ("banner" in element.dataset) element.hidden = !stale;
}

function inWords(seconds, language) {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" });
  if (seconds < 90) return format.format(-seconds, "second");
  if (seconds < 5400) return format.format(-Math.round(seconds / 60), "minute");
  if (seconds < 129600) return format.format(-Math.round(seconds / 3600), "hour");
  return format.format(-Math.round(seconds / 86400), "day");
}
