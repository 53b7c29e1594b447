// Time series drawn by uPlot from JSON in data-series; gaps stay gaps, limits are lines with a name.
//
// {"x": [epoch seconds], "unit": "Mbps", "zone": "Asia/Shanghai",
//  "series": [{"label": "Out", "values": [1, null], "role": "main|second|faint|ghost"}],
//  "mirrored": true where values below the axis are another direction, not less than nothing,
//  "range": [-20, 2] from where to where the axis goes, where that isn't from 0 up,
//  "lines": [{"label": "95th", "value": 3284, "role": "p95|commit|limit|derated",
//             "from": 0, "to": 1}], these two only where it didn't hold all the time,
//  "named": true leaves room for lines' names, as the chart above it does: times stand under each other,
//  "bands": [[0, 1]] fills between two series (largest, smallest),
//  "cut": {"series": 0} shades what that series has above the p95 lines,
//  "rail": {"label": "Discarded", "spans": [[0, 1]]} marks below the time what isn't counted,
//  "spans": [{"from": 0, "to": 1, "role": "missing|maintenance|down", "label": "Missing"}]}
const drawn = new Map();

export function startCharts(root) {
  for (const element of root.querySelectorAll(".chart[data-series]")) {
    const known = drawn.get(element);
    // Fetched anew it has other values, or lost what was drawn in it.
    if (known?.plot.root.parentNode === element && known.series === element.dataset.series) continue;
    known?.plot.destroy();
    draw(element);
  }
  for (const [element, { plot }] of drawn) {
    if (!element.isConnected) { plot.destroy(); drawn.delete(element); }
  }
}

document.addEventListener("jifang:theme", () => {
  for (const [element, { plot }] of [...drawn]) {
    plot.destroy();
    drawn.delete(element);
    draw(element);
  }
});

// A colour token as the browser resolves it now: custom properties keep light-dark() unresolved.
function colour(element, name) {
  const probe = element.querySelector(".chart-probe") ?? element.appendChild(document.createElement("i"));
  probe.className = "chart-probe";
  probe.style.color = `var(--jf-${name})`;
  return getComputedStyle(probe).color;
}

function hatch(context, ink) {
  const size = 6 * devicePixelRatio;
  const tile = new OffscreenCanvas(size, size);
  const pen = tile.getContext("2d");
  pen.strokeStyle = ink;
  pen.lineWidth = devicePixelRatio;
  pen.beginPath();
  for (const shift of [-size, 0, size]) { pen.moveTo(shift, size); pen.lineTo(shift + size, 0); }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

function draw(element) {
  const data = JSON.parse(element.dataset.series);
  const ink = (name) => colour(element, name);
  const language = document.documentElement.lang;
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const paint = {
    main: { stroke: ink("bar-strong"), width: 1.3 },
    second: { stroke: ink("bar"), width: 1 },
    faint: { stroke: ink("line-strong"), width: 1 },
    ghost: { stroke: ink("muted"), width: 1, dash: [3, 3] },
  };
  const rules = {
    p95: { stroke: ink("accent"), dash: [], width: 1.6 },
    commit: { stroke: ink("ink"), dash: [2, 3], width: 1.2 },
    limit: { stroke: ink("ink"), dash: [], width: 1.2 },
    derated: { stroke: ink("ink"), dash: [5, 3], width: 1.2 },
  };
  const lines = data.lines ?? [];
  const all = [lines.map((l) => l.value), ...data.series.map((s) => s.values)];
  const peak = all.reduce((most, values) => values.reduce((m, v) => Math.max(m, Math.abs(v ?? 0)), most), 0);
  const top = peak > 0 ? peak * 1.08 : 1;
  // What a mirrored value is, without the sign that only says where it is drawn.
  const told = (value) => number.format(data.mirrored ? Math.abs(value) : value);
  const size = () => ({ width: element.clientWidth, height: Number(element.dataset.height || 220) });
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const grid = { stroke: ink("line"), width: 1 };
  const stamp = (format) => (_, splits) => splits.map((s) => format.format(new Date(s * 1000)));
  const range = data.x.length ? data.x[data.x.length - 1] - data.x[0] : 0;
  const tick = new Intl.DateTimeFormat(language, range > 15552000
    ? { year: "numeric", month: "2-digit", timeZone: data.zone } : range > 172800
    ? { month: "2-digit", day: "2-digit", timeZone: data.zone }
    : { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: data.zone });
  const full = new Intl.DateTimeFormat(language, {
    month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false, timeZone: data.zone,
  });

  function under(plot) {
    const pen = plot.ctx;
    pen.save();
    for (const span of data.spans ?? []) {
      const left = plot.valToPos(span.from, "x", true);
      const width = Math.max(2, plot.valToPos(span.to, "x", true) - left);
      const soft = { maintenance: "maintenance-soft", down: "bad-soft" }[span.role];
      pen.fillStyle = soft ? ink(soft) : hatch(pen, ink("bar"));
      pen.fillRect(left, plot.bbox.top, width, plot.bbox.height);
    }
    pen.restore();
  }
  // What is above the percentile, step by step.
  function shade(plot) {
    if (!data.cut || data.x.length < 2) return;
    const pen = plot.ctx;
    const values = data.series[data.cut.series].values;
    const step = data.x[1] - data.x[0];
    pen.save();
    pen.fillStyle = ink("accent");
    pen.globalAlpha = 0.5;
    for (const line of lines) {
      if (line.role !== "p95") continue;
      const base = plot.valToPos(line.value, "y", true);
      values.forEach((value, at) => {
        const x = data.x[at];
        if (value == null || Math.abs(value) <= Math.abs(line.value) || value * line.value < 0) return;
        if ((line.from != null && x < line.from) || (line.to != null && x >= line.to)) return;
        const left = plot.valToPos(x - step / 2, "x", true);
        const width = Math.max(1, plot.valToPos(x + step / 2, "x", true) - left);
        pen.fillRect(left, base, width, plot.valToPos(value, "y", true) - base);
      });
    }
    pen.restore();
  }
  function drawRail(plot) {
    if (!data.rail) return;
    const pen = plot.ctx;
    const ratio = devicePixelRatio;
    const height = 7 * ratio;
    const y = pen.canvas.height - 12 * ratio;
    pen.save();
    pen.fillStyle = ink("track");
    pen.fillRect(plot.bbox.left, y, plot.bbox.width, height);
    pen.fillStyle = ink("accent");
    const edge = plot.bbox.left + plot.bbox.width;
    for (const [from, to] of data.rail.spans) {
      const left = Math.max(plot.bbox.left, plot.valToPos(from, "x", true));
      const right = Math.min(edge, plot.valToPos(to, "x", true));
      if (right > left) pen.fillRect(left, y, Math.max(ratio, right - left), height);
    }
    pen.font = font.replace("11px", `${11 * ratio}px`);
    pen.fillStyle = ink("muted");
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(data.rail.label, edge + 6 * ratio, y + height / 2);
    pen.restore();
  }
  // Names of what happened stand at its top, where there is room.
  function nameSpans(plot) {
    const pen = plot.ctx;
    const ratio = devicePixelRatio;
    let free = plot.bbox.left;
    pen.save();
    pen.font = font.replace("11px", `${10.5 * ratio}px`);
    pen.textAlign = "left";
    pen.textBaseline = "top";
    for (const span of [...(data.spans ?? [])].sort((a, b) => a.from - b.from)) {
      const left = Math.max(plot.bbox.left, plot.valToPos(span.from, "x", true));
      const right = plot.valToPos(span.to, "x", true);
      const width = pen.measureText(span.label).width;
      if (span.role === "missing" && right - left < width) continue;
      if (left < free || left + width > plot.bbox.left + plot.bbox.width) continue;
      pen.fillStyle = ink({ maintenance: "maintenance", down: "bad" }[span.role] ?? "muted");
      pen.fillText(span.label, left + 2 * ratio, plot.bbox.top + 2 * ratio);
      free = left + width + 8 * ratio;
    }
    pen.restore();
  }
  function over(plot) {
    shade(plot);
    drawRail(plot);
    nameSpans(plot);
    const pen = plot.ctx;
    const ratio = devicePixelRatio;
    pen.save();
    pen.font = `600 ${11 * ratio}px ${getComputedStyle(element).fontFamily}`;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    let lowest = Infinity;
    for (const line of [...lines].sort((a, b) => b.value - a.value)) {
      const rule = rules[line.role] ?? rules.limit;
      const y = plot.valToPos(line.value, "y", true);
      const edge = plot.bbox.left + plot.bbox.width;
      const left = line.from == null ? plot.bbox.left : Math.max(plot.bbox.left, plot.valToPos(line.from, "x", true));
      const right = line.to == null ? edge : Math.min(edge, plot.valToPos(line.to, "x", true));
      pen.strokeStyle = rule.stroke;
      pen.setLineDash(rule.dash.map((d) => d * ratio));
      pen.lineWidth = rule.width * ratio;
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(right, y);
      pen.stroke();
      if (!line.label) continue;
      if (line.to != null) {
        // Over before the chart ends: its name stands on it, where it ends.
        const name = `${told(line.value)} ${line.label}`;
        pen.fillStyle = rule.stroke;
        pen.fillText(name, Math.max(left, right - 4 * ratio - pen.measureText(name).width), y - 8 * ratio);
        continue;
      }
      // Names at the line's end keep their distance when two limits are close.
      const at = lowest === Infinity ? y : Math.max(y, lowest + 14 * ratio);
      lowest = at;
      pen.fillStyle = rule.stroke;
      pen.fillText(`${told(line.value)} ${line.label}`, edge + 6 * ratio, at);
    }
    pen.restore();
  }

  const plot = new uPlot({
    ...size(),
    padding: [10, lines.length || data.rail || data.named ? 108 : 12, data.rail ? 18 : 0, 0],
    cursor: { points: { size: 5 }, drag: { x: false, y: false } },
    legend: { live: true },
    scales: { y: { range: data.range ?? [data.mirrored ? -top : 0, top] } },
    axes: [
      { stroke: ink("muted"), font, grid: { show: false }, ticks: { stroke: ink("line"), size: 4 }, values: stamp(tick), space: 64, size: 34 },
      { stroke: ink("muted"), font, grid, ticks: { show: false }, size: 52, values: (_, s) => s.map(told) },
    ],
    series: [
      { label: element.dataset.time, value: (_, v) => (v == null ? "" : full.format(new Date(v * 1000))) },
      ...data.series.map((s) => ({
        label: s.label, spanGaps: false, points: { show: false }, ...(paint[s.role] ?? paint.main),
        value: (_, v, series, at) => {
          if (at == null) return "";
          return v == null ? "?" : `${told(v)} ${data.unit ?? ""}`;
        },
      })),
    ],
    // Series 0 is the time.
    bands: (data.bands ?? []).map(([high, low]) => ({ series: [high + 1, low + 1], fill: ink("track") })),
    hooks: { drawClear: [under], draw: [over] },
  }, [data.x, ...data.series.map((s) => s.values)], element);
  drawn.set(element, { plot, series: element.dataset.series });
  new ResizeObserver(() => { if (drawn.get(element) === plot) plot.setSize(size()); }).observe(element);
}
