// Lists: ticks of all rows of a page, how many are chosen, and the order of columns.
export function startSelecting(root) {
  for (const form of root.querySelectorAll("[data-selection]:not([data-started])")) start(form);
  for (const list of root.querySelectorAll("[data-columns]:not([data-started])")) startColumns(list);
}

function start(form) {
  form.dataset.started = "";
  const all = form.querySelector("[data-ticks-all]");
  const every = form.querySelector("[name=all]");
  const bar = form.querySelector("[data-bar]");
  const count = form.querySelector("[data-count]");
  const ticks = () => [...form.querySelectorAll("[name=id]")];

  function show() {
    const chosen = ticks().filter((tick) => tick.checked).length;
    all.checked = chosen > 0 && chosen === ticks().length;
    all.indeterminate = chosen > 0 && !all.checked;
    bar.hidden = !chosen && !every?.checked;
    count.textContent = every?.checked ? "" : count.dataset.text.replace("__n__", chosen);
  }

  all.addEventListener("change", () => {
    for (const tick of ticks()) tick.checked = all.checked;
    if (every && !all.checked) every.checked = false;
    show();
  });
  form.addEventListener("change", show);
  // The back button brings ticks back without telling.
  window.addEventListener("pageshow", show);
  show();
}

function startColumns(list) {
  list.dataset.started = "";
  for (const movers of list.querySelectorAll(".movers")) movers.hidden = false;
  list.addEventListener("click", (event) => {
    const mover = event.target.closest("[data-moves]");
    if (!mover) return;
    const line = mover.closest("li");
    if (mover.dataset.moves === "-1") line.previousElementSibling?.before(line);
    else line.nextElementSibling?.after(line);
    mover.focus();
  });
}
