// <div data-reference="URL"> makes a combobox of its text input: what is typed is looked for at URL,
// a choice fills the input and notes which record it is. With data-many a choice is added as a tick.
const WAIT_MS = 150;
let counter = 0;

export function startReferences(root) {
  for (const box of root.querySelectorAll("[data-reference]:not([data-started])")) start(box);
}

function start(box) {
  box.dataset.started = "";
  const input = box.querySelector("input[type=text]");
  const known = box.querySelector("[data-known]");
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = `suggestions-${++counter}`;
  list.setAttribute("role", "listbox");
  list.hidden = true;
  box.append(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
  let timer = 0;
  let asked = 0;
  let chosen = -1;

  const options = () => [...list.querySelectorAll("[role=option]")];

  function close() {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(place) {
    const all = options();
    if (!all.length) return;
    chosen = (place + all.length) % all.length;
    all.forEach((option, index) => option.setAttribute("aria-selected", String(index === chosen)));
    input.setAttribute("aria-activedescendant", all[chosen].id);
    all[chosen].scrollIntoView({ block: "nearest" });
  }

  function say(text) {
    const line = document.createElement("li");
    line.className = "says";
    line.textContent = text;
    list.append(line);
  }

  async function ask() {
    const number = ++asked;
    const url = `${box.dataset.reference}?q=${encodeURIComponent(input.value)}`;
    let found;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return close();
      found = await answer.json();
    } catch {
      return close();
    }
    // A slower answer to fewer letters must not replace this one.
    if (number !== asked || document.activeElement !== input) return;
    list.replaceChildren();
    for (const option of found.options) {
      const line = document.createElement("li");
      line.id = `${list.id}-${option.id}`;
      line.setAttribute("role", "option");
      line.setAttribute("aria-selected", "false");
      line.dataset.id = option.id;
      line.dataset.path = option.path;
      line.textContent = option.path;
      if (option.title) {
        const title = document.createElement("small");
        title.textContent = option.title;
        line.append(title);
      }
      list.append(line);
    }
    if (!found.options.length) say(box.dataset.none);
    else if (found.more) say(box.dataset.more);
    list.hidden = false;
    chosen = -1;
    input.setAttribute("aria-expanded", "true");
  }

  function take(option) {
    const { id, path } = option.dataset;
    if (box.dataset.many) {
      addTick(box, id, path);
      input.value = "";
    } else {
      input.value = path;
      known.value = `${id}|${path}`;
    }
    close();
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  });
  input.addEventListener("click", () => list.hidden && ask());
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) ask();
      else mark(chosen + (event.key === "ArrowDown" ? 1 : chosen < 0 ? 0 : -1));
    } else if (event.key === "Enter" && !list.hidden && options().length) {
      event.preventDefault();
      take(options()[Math.max(chosen, 0)]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  });
  input.addEventListener("blur", close);
  // Before the input loses its focus.
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
}

function addTick(box, id, path) {
  const place = box.closest("fieldset").querySelector("[data-picked]");
  if (place.querySelector(`input[value="${CSS.escape(id)}"]`)) return;
  const name = box.dataset.many;
  const tick = document.createElement("div");
  tick.className = "field-check";
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", name, value: id, checked: true, id: `p-${name}-n${id}` });
  input.className = "form-check-input";
  const label = document.createElement("label");
  label.htmlFor = input.id;
  label.textContent = path;
  tick.append(input, label);
  place.append(tick);
}
