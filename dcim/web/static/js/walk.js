// The audit walk: opens what a line differs by, and leads on to the next line that is still open.
export function startWalks() {
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-toggles]");
    if (!toggle) return;
    const panel = document.getElementById(toggle.dataset.toggles);
    panel.hidden = !panel.hidden;
    toggle.setAttribute("aria-expanded", String(!panel.hidden));
    if (!panel.hidden) panel.querySelector("input:not([type=hidden])")?.focus();
  });
  markNext(false);
}

// Called again after each tap; `leads` brings the next line into view when it is hidden.
export function markNext(leads) {
  const lines = [...document.querySelectorAll(".walk-line")];
  if (!lines.length || !document.getElementById("walk-progress")) return;
  const next = lines.find((line) => line.classList.contains("is-open"));
  for (const line of lines) line.classList.toggle("is-next", line === next);
  if (leads && next && next.getBoundingClientRect().bottom > window.innerHeight - 90) {
    next.scrollIntoView({ block: "center", behavior: "smooth" });
  }
}
