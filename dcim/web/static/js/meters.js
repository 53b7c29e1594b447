// Reading meters: a number typed stays on this phone until it is saved, also without a connection.
const PREFIX = "jifang-";

function store(key, value) {
  try {
    if (value) localStorage.setItem(PREFIX + key, value);
    else localStorage.removeItem(PREFIX + key);
  } catch {
    // A private window keeps nothing; the number still stands on the page.
  }
}

function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key) ?? "";
  } catch {
    return "";
  }
}

export function startMeters() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-keeps]");
    if (form && event.target.name === "value") store(form.dataset.keeps, event.target.value);
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-photo]")) return;
    event.target.closest(".btn").classList.toggle("is-taken", event.target.files.length > 0);
  });
  for (const name of ["htmx:error", "htmx:before:request"]) {
    document.addEventListener(name, (event) => {
      const form = event.target.closest?.("form[data-keeps]");
      if (form) form.querySelector(".meter-offline").hidden = name !== "htmx:error";
    });
  }
}

// Also for a line that comes back saved: its form is empty again, and nothing is kept for it.
export function recallNumbers(root) {
  for (const form of root.querySelectorAll("form[data-keeps]")) {
    const field = form.elements.namedItem("value");
    const line = form.closest(".meter-line");
    if (line.classList.contains("is-checked") && !field.value) store(form.dataset.keeps, "");
    else if (!field.value) field.value = recall(form.dataset.keeps);
  }
}
