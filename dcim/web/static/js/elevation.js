// Walks a cabinet by keyboard: arrows choose a U, Enter opens what stands there, N installs, H holds,
// M moves. Dragging and M are one thing: placing.js.
import { startPlacing } from "./placing.js";

export function startElevations(root) {
  for (const stage of root.querySelectorAll(".elev-stage:not([data-started])")) {
    stage.dataset.started = "1";
    walk(stage);
  }
}

function walk(stage) {
  const cursor = stage.querySelector(".e-cursor");
  const words = stage.querySelector(".e-cursor-text");
  const left = Number(stage.dataset.left);
  const width = Number(stage.dataset.width);
  const marks = [...stage.querySelectorAll("[data-u]")]
    .map((mark) => ({ u: mark.dataset.u, at: mark.dataset.at, y: Number(mark.dataset.y) }))
    .sort((a, b) => a.y - b.y);
  const boxes = [...stage.querySelectorAll("[data-box]")].map((box) => ({
    kind: box.dataset.box,
    y: Number(box.dataset.y),
    height: Number(box.dataset.height),
    link: box.closest("a"),
    node: box,
  }));
  const rowHeight = Number(cursor.getAttribute("height"));
  let at = -1;

  const here = () => boxes.filter((b) => {
    const middle = marks[at].y + rowHeight / 2;
    return b.y <= middle && middle < b.y + b.height;
  });

  function show() {
    const mark = marks[at];
    stage.classList.add("is-moving");
    cursor.setAttribute("y", mark.y);
    const free = here().some((b) => b.kind === "free" || b.kind === "unused");
    words.setAttribute("y", mark.y + rowHeight / 2 + 4);
    words.textContent = free && words.dataset.free ? words.dataset.free.replace("{u}", mark.u) : "";
    stage.setAttribute("aria-label", [words.dataset.label.replace("{u}", mark.u),
      ...here().map((b) => b.node.querySelector("title")?.textContent).filter(Boolean)].join(" · "));
  }

  function go(template) {
    if (!template) return;
    location.assign(template.replace("__u__", encodeURIComponent(marks[at].u)).replace("__at__", encodeURIComponent(marks[at].at)));
  }

  const placing = startPlacing(stage, rowHeight);

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !marks.length) return;
    if (placing?.takesKey(event)) return;
    const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -5, PageDown: 5 }[event.key];
    if (step) {
      event.preventDefault();
      at = at < 0 ? 0 : Math.min(marks.length - 1, Math.max(0, at + step));
      show();
    } else if (at >= 0 && event.target === stage) {
      const key = event.key.toLowerCase();
      if (key === "enter") here().find((b) => b.link)?.link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
      else if (key === "n") go(stage.dataset.install);
      else if (key === "h") go(stage.dataset.hold);
      else if (key === "m") placing?.begin(here().find((b) => b.kind === "item")?.node);
      else if (key === "escape") stage.classList.remove("is-moving");
    }
  });
  // The pointer finds a place to put something, on free and unused units only.
  const isOpen = () => at >= 0 && here().some((b) => b.kind === "free" || b.kind === "unused");
  function point(event) {
    const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(stage.getScreenCTM().inverse());
    const outside = spot.x < left || spot.x > left + width;
    at = outside ? -1 : marks.findIndex((mark) => mark.y <= spot.y && spot.y < mark.y + rowHeight);
    if (isOpen()) show();
    else stage.classList.remove("is-moving");
  }
  if (stage.dataset.install) {
    stage.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && !placing?.active()) point(event); });
    stage.addEventListener("pointerleave", () => stage.classList.remove("is-moving"));
    stage.addEventListener("click", (event) => {
      if (event.target.closest("a") || placing?.active() || placing?.justEnded()) return;
      point(event);
      if (isOpen()) go(stage.dataset.install);
    });
  }
  stage.addEventListener("focusout", () => stage.classList.remove("is-moving"));
}
