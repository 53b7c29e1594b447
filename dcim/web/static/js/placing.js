// Moves a device within a drawing, by dragging or by M and arrows. Whether it may stand somewhere is
// asked of the server, which tries the real move and takes it back; a dialog confirms before it counts.
const SLACK_PX = 5;
const WAIT_MS = 120;

export function startPlacing(stage, rowHeight) {
  const figure = stage.closest("figure[data-move]");
  const dialog = document.getElementById("place-dialog");
  if (!figure || !dialog) return null;
  const target = stage.querySelector(".e-target");
  const [outline, word] = [target.querySelector("rect"), target.querySelector("text")];
  const said = figure.querySelector(".elev-said");
  const rows = Number(stage.dataset.rows);
  const half = rowHeight / 2;
  let what = null;
  let asked = 0;
  let endedAt = 0;

  function begin(node, grab = 0) {
    if (!node || what) return;
    what = {
      id: node.dataset.device,
      name: node.dataset.name,
      side: node.dataset.side,
      face: node.dataset.face,
      height: Math.round(Number(node.dataset.height) / half),
      top: Math.round(Number(node.dataset.y) / half),
      start: Math.round(Number(node.dataset.y) / half),
      grab,
      answer: null,
    };
    stage.classList.add("is-placing");
    say(said.dataset.begin.replace("{name}", what.name));
    draw();
  }

  function end() {
    if (!what) return;
    what = null;
    endedAt = performance.now();
    asked += 1;
    stage.classList.remove("is-placing", "is-fitting", "is-refused");
  }

  function say(text, kind = "") {
    said.textContent = text;
    said.classList.toggle("is-ok", kind === "ok");
    said.classList.toggle("is-down", kind === "down");
  }

  function draw() {
    outline.setAttribute("y", what.top * half);
    outline.setAttribute("height", what.height * half);
    word.setAttribute("y", what.top * half + (what.height * half) / 2 + 4);
    word.textContent = "";
    stage.classList.remove("is-fitting", "is-refused");
  }

  // Whole U, but for what is itself a half U high.
  function moveTo(top) {
    const step = what.height % 2 ? 1 : 2;
    const parity = step === 2 ? (rows - what.height) % 2 : 0;
    const snapped = Math.round((top - parity) / step) * step + parity;
    const kept = Math.min(rows - what.height, Math.max(0, snapped));
    if (kept === what.top && what.answer !== null) return;
    what.top = kept;
    what.answer = null;
    draw();
    if (kept === what.start) return;
    const mine = ++asked;
    say(said.dataset.asking);
    window.setTimeout(() => { if (mine === asked) ask(mine); }, WAIT_MS);
  }

  async function ask(mine) {
    const place = placed();
    let answer;
    try {
      const reply = await fetch(`${figure.dataset.move.replace("__id__", what.id)}/try`, {
        method: "POST",
        body: new URLSearchParams(place),
        headers: { "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content, Accept: "application/json" },
      });
      answer = await reply.json();
    } catch {
      return;
    }
    if (mine !== asked || !what) return;
    what.answer = { ...answer, place: { ...place, swaps: answer.swaps ?? "" } };
    const fits = answer.fits === true;
    stage.classList.toggle("is-fitting", fits);
    stage.classList.toggle("is-refused", !fits);
    word.textContent = `${fits ? said.dataset.fits : said.dataset.refused} · ${answer.place ?? ""}`;
    say(fits ? answer.question : answer.reason ?? answer.detail ?? "", fits ? "ok" : "down");
    if (what.waits) drop();
  }

  function placed() {
    return { cabinet_id: figure.dataset.cabinet, at: rows - what.top - what.height, face: what.face, side: what.side };
  }

  function drop() {
    if (what.top === what.start) return end();
    if (!what.answer) { what.waits = true; return; }
    const { answer, id } = what;
    if (answer.fits) {
      const form = dialog.querySelector("form");
      form.action = figure.dataset.move.replace("__id__", id);
      for (const [name, value] of Object.entries(answer.place)) form.elements.namedItem(name).value = value;
      dialog.querySelector("[data-question]").textContent = answer.question;
      dialog.showModal();
    }
    end();
  }

  let pressed = null;
  stage.addEventListener("pointerdown", (event) => {
    const node = event.target.closest("[data-device]");
    if (node && event.button === 0 && event.pointerType !== "touch") pressed = { node, x: event.clientX, y: event.clientY };
  });
  stage.addEventListener("pointermove", (event) => {
    if (pressed && !what && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > SLACK_PX) {
      begin(pressed.node, spot(pressed.x, pressed.y) - Number(pressed.node.dataset.y));
      stage.setPointerCapture(event.pointerId);
    }
    if (pressed && what) moveTo((spot(event.clientX, event.clientY) - what.grab) / half);
  });
  stage.addEventListener("pointerup", () => {
    if (pressed && what) drop();
    pressed = null;
  });
  stage.addEventListener("pointercancel", () => { pressed = null; end(); });
  // The browser's own dragging of links, and the click after a drag, would open the device.
  stage.addEventListener("dragstart", (event) => event.preventDefault());
  stage.addEventListener("click", (event) => { if (what || justEnded()) event.preventDefault(); }, true);

  function spot(x, y) {
    return new DOMPoint(x, y).matrixTransform(stage.getScreenCTM().inverse()).y;
  }

  function justEnded() {
    return performance.now() - endedAt < 300;
  }

  function takesKey(event) {
    if (!what) return false;
    const step = { ArrowUp: -2, ArrowDown: 2, PageUp: -10, PageDown: 10 }[event.key];
    if (step) moveTo(what.top + (what.height % 2 ? step / 2 : step));
    else if (event.key === "Enter") drop();
    else if (event.key === "Escape") { end(); say(""); }
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  return { begin, takesKey, active: () => what !== null, justEnded };
}
