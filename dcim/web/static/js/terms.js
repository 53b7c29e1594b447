// The terms under the pen. As a text: line numbers beside it, the wrong lines marked. As a form: what is
// wrong stands at its field. A problem's button goes to its field, or to its line.
export function startTerms(root) {
  for (const box of root.querySelectorAll("[data-terms]")) {
    const text = box.querySelector("textarea");
    const gutter = box.querySelector(".terms-lines");
    if (!box.dataset.started) {
      box.dataset.started = "yes";
      text.addEventListener("input", () => number(text, gutter));
      number(text, gutter);
    }
    mark(gutter);
  }
  if (root.querySelector("#terms-sheet")) tell();
}

let focused = "";
// A part of the form that is drawn anew keeps the place of whoever writes in it.
document.addEventListener("htmx:before:swap", () => {
  focused = wanted || document.activeElement?.id || "";
});
document.addEventListener("htmx:after:swap", () => {
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  focused = wanted = "";
});

let wanted = "";
document.addEventListener("click", (event) => {
  wanted = event.target.closest("[data-grows]")?.dataset.grows ?? "";
  const button = event.target.closest("[data-line]");
  if (!button) return;
  const field = find(button.dataset.of ?? "");
  const text = document.querySelector("[data-terms] textarea");
  const source = document.querySelector("[data-source]");
  if (field) {
    field.closest("details")?.setAttribute("open", "");
    field.scrollIntoView({ block: "center" });
    field.querySelector("input, select, button")?.focus({ preventScroll: true });
  } else if (text) {
    const lines = text.value.split("\n");
    const at = Math.min(Number(button.dataset.line), lines.length) - 1;
    const start = lines.slice(0, at).reduce((sum, line) => sum + line.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + lines[at].length);
    text.closest("[data-terms]").querySelector(`li:nth-child(${at + 1})`)?.scrollIntoView({ block: "center" });
  } else if (source) {
    source.focus();
    source.children[Number(button.dataset.line) - 1]?.scrollIntoView({ block: "center" });
  }
});

// The field a place of the terms stands in: metrics.power.credit.tiers[2].low lies in the rows' field.
function find(place) {
  return [...document.querySelectorAll("#terms-sheet [data-place]")].find(
    (field) => place === field.dataset.place || [".", "["].some((end) => place.startsWith(field.dataset.place + end)),
  );
}

function tell() {
  const told = new Map();
  for (const button of document.querySelectorAll("#trial [data-of]")) {
    const field = find(button.dataset.of);
    const said = button.parentElement.querySelector("[data-said]")?.textContent ?? "";
    if (field) told.set(field, [...(told.get(field) ?? []), said]);
  }
  for (const field of document.querySelectorAll("#terms-sheet [data-place]")) {
    const said = told.get(field);
    const error = field.querySelector("[data-error]");
    field.classList.toggle("is-wrong", Boolean(said));
    error.hidden = !said;
    error.textContent = said?.join("; ") ?? "";
  }
}

function number(text, gutter) {
  const count = text.value.split("\n").length;
  text.rows = Math.max(count + 1, 24);
  while (gutter.children.length < count) gutter.append(document.createElement("li"));
  while (gutter.children.length > count) gutter.lastChild.remove();
}

function mark(gutter) {
  const wrong = new Set((document.getElementById("trial")?.dataset.wrong ?? "").split(" "));
  [...gutter.children].forEach((line, index) => line.classList.toggle("is-wrong", wrong.has(String(index + 1))));
}
