// A table larger than its place scrolls: where nothing in it takes the focus, it does itself, so that
// the arrow keys reach what is hidden. Fonts and content that come later change its size.
const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex]";
const sizes = new ResizeObserver((entries) => {
  for (const wrap of new Set(entries.map((one) => one.target.closest(".table-wrap")))) if (wrap) judge(wrap);
});

export function startScrolling(root) {
  for (const wrap of root.querySelectorAll(".table-wrap")) {
    judge(wrap);
    sizes.observe(wrap);
    if (wrap.firstElementChild) sizes.observe(wrap.firstElementChild);
  }
}

function judge(wrap) {
  const hidden = wrap.scrollWidth > wrap.clientWidth || wrap.scrollHeight > wrap.clientHeight;
  if (!hidden || wrap.querySelector(FOCUSABLE)) {
    if (wrap.dataset.scrolls) wrap.removeAttribute("tabindex");
    return;
  }
  const heading = wrap.closest(".card")?.querySelector("h2");
  wrap.dataset.scrolls = "yes";
  wrap.tabIndex = 0;
  wrap.setAttribute("role", "group");
  if (heading) wrap.setAttribute("aria-label", heading.textContent.trim());
}
