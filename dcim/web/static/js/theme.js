// Light or dark: an explicit choice is kept in a cookie, so that the server renders it at once.
const YEAR = 365 * 24 * 3600;

function shown() {
  const chosen = document.documentElement.dataset.bsTheme;
  if (chosen) return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function startTheme() {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const next = shown() === "dark" ? "light" : "dark";
    document.documentElement.dataset.bsTheme = next;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${next}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
    document.dispatchEvent(new CustomEvent("jifang:theme"));
  });
  // Paper is white: charts are painted again in light colours for as long as printing takes.
  let before;
  addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.bsTheme;
    document.documentElement.dataset.bsTheme = "light";
    document.dispatchEvent(new CustomEvent("jifang:theme"));
  });
  addEventListener("afterprint", () => {
    if (before) document.documentElement.dataset.bsTheme = before;
    else delete document.documentElement.dataset.bsTheme;
    document.dispatchEvent(new CustomEvent("jifang:theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.dispatchEvent(new CustomEvent("jifang:theme"));
  });
}
