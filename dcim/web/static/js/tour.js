// A wall that shows one board after another. It leaves a board only when the next one has answered:
// a server that is away for a minute leaves the last figures standing, with their age, and no error page.
const AGAIN = 5000;

export function startTour() {
  const { tour, tourStays } = document.body.dataset;
  if (!tour) return;
  setTimeout(go, Number(tourStays) * 1000);

  async function go() {
    try {
      const answer = await fetch(tour, { method: "HEAD", headers: { Accept: "text/html" } });
      if (answer.ok) {
        location.replace(answer.url);
        return;
      }
    } catch {
      // The network or the server is away.
    }
    setTimeout(go, AGAIN);
  }
}
