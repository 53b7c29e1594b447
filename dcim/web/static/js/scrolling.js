// A table wider than its place scrolls: where nothing in it takes the focus, it does itself, so that
// the arrow keys reach what is hidden.
const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex]";

export function startScrolling(root) {
  for (const wrap of root.querySelectorAll(".table-wrap")) {
    const scrolls = wrap.scrollWidth > wrap.clientWidth && !wrap.querySelector(FOCUSABLE);
    if (!scrolls) {
      if (wrap.dataset.scrolls) wrap.removeAttribute("tabindex");
      continue;
    }
    const heading = wrap.closest(".card")?.querySelector("h2");
    wrap.dataset.scrolls = "yes";
    wrap.tabIndex = 0;
    wrap.setAttribute("role", "group");
    if (heading) wrap.setAttribute("aria-label", heading.textContent.trim());
  }
}
