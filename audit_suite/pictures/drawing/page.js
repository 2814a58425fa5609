"use strict";
// Draw a rectangle or a polygon on the mean image; the lines below follow. Nothing leaves the page.
const find = (id) => document.getElementById(id);
const canvas = find("canvas");
const mean = find("mean");
let corners = []; // [x, y] in fractions of the frame
let dragging = false;

const isRectangle = () => find("rectangle").checked;
const clamp = (value) => Math.min(1, Math.max(0, value));
const rounded = (value) => Number(value.toFixed(3));

function at(event) {
  const box = canvas.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
}

/** The keys of what is drawn; empty while it has no area. */
function keys() {
  if (isRectangle()) {
    if (corners.length < 2) return "";
    const [left, right] = corners.map(([x]) => rounded(x)).sort((a, b) => a - b);
    const [top, bottom] = corners.map(([, y]) => rounded(y)).sort((a, b) => a - b);
    return left < right && top < bottom ? `rectangle = [${left}, ${top}, ${right}, ${bottom}]` : "";
  }
  const points = corners.map(([x, y]) => `[${rounded(x)}, ${rounded(y)}]`);
  return points.length > 2 ? `polygon = [${points.join(", ")}]` : "";
}

function lines() {
  const drawn = keys();
  return drawn && `${document.body.dataset.header}\nformat = "drawn"\n${drawn}\n`;
}

function show() {
  const pen = canvas.getContext("2d");
  pen.drawImage(mean, 0, 0, canvas.width, canvas.height);
  const points = corners.map(([x, y]) => [x * canvas.width, y * canvas.height]);
  pen.beginPath();
  if (isRectangle() && points.length === 2) {
    const [[x0, y0], [x1, y1]] = points;
    pen.rect(x0, y0, x1 - x0, y1 - y0);
  } else {
    points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    if (points.length > 2) pen.closePath();
  }
  pen.fillStyle = "rgba(255, 200, 0, 0.2)";
  pen.fill();
  pen.strokeStyle = "#ffc800";
  pen.lineWidth = 2;
  pen.stroke();
  pen.fillStyle = "#ffc800";
  for (const [x, y] of points) pen.fillRect(x - 3, y - 3, 6, 6);
  const text = lines();
  find("lines").textContent = text || "Nothing is drawn yet.";
  find("copy").disabled = find("save").disabled = !text;
  find("note").textContent = "";
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  if (isRectangle()) {
    corners = [at(event), at(event)];
    dragging = true;
  } else {
    corners.push(at(event));
  }
  show();
});
canvas.addEventListener("pointermove", (event) => {
  if (!dragging) return;
  corners[1] = at(event);
  show();
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, () => { dragging = false; });
}
for (const shape of ["rectangle", "polygon"]) {
  find(shape).addEventListener("change", () => { corners = []; show(); });
}
find("undo").addEventListener("click", () => {
  if (isRectangle()) corners = [];
  else corners.pop();
  show();
});
find("clear").addEventListener("click", () => { corners = []; show(); });
find("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(lines());
    find("note").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(find("lines"));
    find("note").textContent = "This browser does not copy by itself: the lines are selected, press Ctrl+C.";
  }
});
find("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines()], { type: "application/toml" }));
  link.download = document.body.dataset.file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});
mean.decode().then(show, show);
