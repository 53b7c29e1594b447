// htmx requests that change something carry the CSRF token of the page.
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

export function startTokens() {
  document.addEventListener("htmx:config:request", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    const request = event.detail.ctx.request;
    if (token && !SAFE.has(String(request.method).toUpperCase())) {
      request.headers["X-CSRFToken"] = token;
    }
  });
}
