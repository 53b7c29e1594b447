// The terms' text: line numbers beside it, the wrong lines marked, a problem's button goes to its line.
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
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  const text = document.querySelector("[data-terms] textarea");
  if (!button || !text) return;
  const lines = text.value.split("\n");
  const at = Math.min(Number(button.dataset.line), lines.length) - 1;
  const start = lines.slice(0, at).reduce((sum, line) => sum + line.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + lines[at].length);
  text.closest("[data-terms]").querySelector(`li:nth-child(${at + 1})`)?.scrollIntoView({ block: "center" });
});

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
