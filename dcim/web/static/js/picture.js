// A chart as a PNG file: the canvas as it is drawn, with its title and series above, on its ground.
//
// <button data-picture="id of what holds the chart" data-name="file name" data-title="...">
export function startPictures() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picture]");
    if (button) save(button);
  });
}

function save(button) {
  const holder = document.getElementById(button.dataset.picture);
  const source = holder?.querySelector("canvas");
  if (!source) return;
  const ratio = devicePixelRatio;
  const head = 56 * ratio;
  const canvas = document.createElement("canvas");
  canvas.width = source.width;
  canvas.height = source.height + head;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(holder.closest(".card") ?? document.body);
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = style.color;
  pen.font = `600 ${14 * ratio}px ${style.fontFamily}`;
  pen.fillText(button.dataset.title, 12 * ratio, 22 * ratio, canvas.width - 24 * ratio);
  pen.font = `${11 * ratio}px ${style.fontFamily}`;
  const drawn = holder.querySelector("[role=img]");
  pen.fillText(drawn.getAttribute("aria-label"), 12 * ratio, 42 * ratio, canvas.width - 24 * ratio);
  pen.drawImage(source, 0, head);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${button.dataset.name.replace(/[^A-Za-z0-9._-]+/g, "-")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }, "image/png");
}
