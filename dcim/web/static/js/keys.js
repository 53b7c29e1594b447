// "/" goes to the search field, Escape leaves it; a click elsewhere closes an open menu.
function typing(target) {
  return target.closest("input, textarea, select, [contenteditable], dialog[open]") !== null;
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const search = document.querySelector("[data-search]");
    if (event.key === "/" && search && !typing(event.target)) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      if (event.target === search) search.blur();
      closeMenus(null);
    }
  });
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu === except) continue;
    // What is closed can't keep the focus: it goes back to what opened the menu.
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}
