// The floor plan: arrows go from cabinet to cabinet; when arranging, they and the pointer move one.
export function startFloor() {
  const plan = document.querySelector(".floor-plan");
  if (!plan) return;
  if ("arranges" in plan.dataset) arrange(plan);
  else walk(plan);
}

function walk(plan) {
  const links = [...plan.querySelectorAll(".f-link")].map((link) => ({ link, x: Number(link.dataset.x), y: Number(link.dataset.y) }));
  plan.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = links.find((one) => one.link === document.activeElement);
    if (!way || !from) return;
    event.preventDefault();
    let best = null;
    for (const to of links) {
      const along = (to.x - from.x) * way[0] + (to.y - from.y) * way[1];
      const aside = Math.abs((to.x - from.x) * way[1]) + Math.abs((to.y - from.y) * way[0]);
      if (along > 1 && (best === null || along + 3 * aside < best.far)) best = { far: along + 3 * aside, link: to.link };
    }
    best?.link.focus();
  });
}

const TURNS = { N: "E", E: "S", S: "W", W: "N" };

// As dcim.inventory.floor.find_footprint: the tile under the front left corner.
function footprint(one, tile) {
  const west = one.x * tile;
  const north = one.y * tile;
  const [east, south] = [west + tile, north + tile];
  if (one.facing === "S") return [west, south - one.deep, one.wide, one.deep];
  if (one.facing === "N") return [east - one.wide, north, one.wide, one.deep];
  if (one.facing === "E") return [east - one.deep, south - one.wide, one.deep, one.wide];
  return [west, north, one.deep, one.wide];
}

function arrange(plan) {
  const form = document.getElementById("floor-move");
  const tile = Number(plan.dataset.tile);
  const [columns, rows] = [Number(plan.dataset.columns), Number(plan.dataset.rows)];
  const target = plan.querySelector(".f-target");
  const front = plan.querySelector(".f-target-front");
  let now = null;

  function begin(node) {
    const { cabinet, x, y, facing, wide, deep } = node.dataset;
    now = { id: cabinet, x: Number(x), y: Number(y), facing, wide: Number(wide), deep: Number(deep), from: [Number(x), Number(y), facing] };
    plan.classList.add("is-arranging");
    draw();
  }

  function draw() {
    now.x = Math.min(columns - 1, Math.max(0, now.x));
    now.y = Math.min(rows - 1, Math.max(0, now.y));
    const [x, y, w, h] = footprint(now, tile);
    for (const [name, value] of Object.entries({ x, y, width: w, height: h })) target.setAttribute(name, value);
    const lines = { N: `M${x} ${y}h${w}`, S: `M${x} ${y + h}h${w}`, E: `M${x + w} ${y}v${h}`, W: `M${x} ${y}v${h}` };
    front.setAttribute("d", lines[now.facing]);
  }

  function end(keeps) {
    if (!now) return;
    const one = now;
    now = null;
    plan.classList.remove("is-arranging");
    if (!keeps || (one.x === one.from[0] && one.y === one.from[1] && one.facing === one.from[2])) return;
    form.action = form.dataset.action.replace("__id__", one.id);
    for (const name of ["x", "y", "facing"]) form.elements.namedItem(name).value = one[name];
    form.submit();
  }

  const spot = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(plan.getScreenCTM().inverse());
  let pressed = null;
  plan.addEventListener("pointerdown", (event) => {
    const node = event.target.closest("[data-cabinet]");
    if (!node || event.button !== 0) return;
    pressed = spot(event);
    begin(node);
    plan.setPointerCapture(event.pointerId);
  });
  plan.addEventListener("pointermove", (event) => {
    if (!pressed || !now) return;
    const here = spot(event);
    now.x = now.from[0] + Math.round((here.x - pressed.x) / tile);
    now.y = now.from[1] + Math.round((here.y - pressed.y) / tile);
    draw();
  });
  plan.addEventListener("pointerup", () => { pressed = null; end(true); });
  plan.addEventListener("pointercancel", () => { pressed = null; end(false); });
  plan.addEventListener("keydown", (event) => {
    const node = event.target.closest("[data-cabinet]");
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const turns = event.key.toLowerCase() === "r";
    if (way || turns) {
      if (!now || now.id !== node.dataset.cabinet) begin(node);
      if (way) { now.x += way[0]; now.y += way[1]; }
      if (turns) now.facing = TURNS[now.facing];
      draw();
    } else if (event.key === "Enter" && now) end(true);
    else if (event.key === "Escape") end(false);
    else return;
    event.preventDefault();
  });
}
