"use strict";
// Plays the films of a report: unpacks their bytes (pack.go), paints them by the colour maps of the program, and listens to
// mouse and keys. Without it the page still has all tables, curves and still pictures.
(() => {
const levels = 254, notFinite = 255;
const framesPerSecond = 6, restAtEnd = 1000; // ms
const turnPixels = 176, degreesAFrame = 4;

const palettes = {};
const tables = JSON.parse(document.getElementById("maps").textContent);
for (const [name, text] of Object.entries(tables)) {
  const rgb = bytesOf(text), palette = new Uint32Array(256);
  for (let i = 0; i <= levels; i++) palette[i] = 0xff000000 | rgb[3 * i + 2] << 16 | rgb[3 * i + 1] << 8 | rgb[3 * i];
  palette[notFinite] = 0xffd400ff; // the magenta of NotFinite
  palettes[name] = palette;
}

function bytesOf(base64) {
  const text = atob(base64), out = new Uint8Array(text.length);
  for (let i = 0; i < out.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}

function options(select, names) {
  names.forEach((name, i) => select.append(element("option", { value: i }, name)));
  return select;
}

function labelled(text, control) { return element("label", {}, element("span", {}, text), control); }

const volume = sizes => sizes.reduce((a, b) => a * b, 1);

// unpack undoes what pack.go does to the frames of one column.
async function unpack(base64, sizes) {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const out = new Uint8Array(await new Response(stream).arrayBuffer());
  const width = sizes[sizes.length - 1], frame = volume(sizes);
  for (let start = 0; start < out.length; start += frame) {
    for (let i = 0; i < frame; i++) {
      const at = start + i, first = i % width === 0;
      let guess;
      if (i < width) guess = first ? 0 : out[at - 1];
      else if (first) guess = out[at - width];
      else {
        const left = out[at - 1], up = out[at - width], corner = out[at - width - 1];
        const high = Math.max(left, up), low = Math.min(left, up);
        guess = corner >= high ? low : corner <= low ? high : left + up - corner;
      }
      out[at] = out[at] + guess;
    }
  }
  return out;
}

class Film {
  constructor(root) {
    this.root = root;
    this.spec = JSON.parse(root.querySelector("script").textContent);
    this.frames = this.spec.labels.length;
    this.dims = this.spec.sizes.length;
    this.strides = this.spec.sizes.map((_, i) => volume(this.spec.sizes.slice(i + 1)));
    this.field = 0; this.frame = 0; this.speed = 1;
    this.view = this.dims > 2 ? "slice" : "plane";
    this.axis = this.dims - 1; this.position = Math.floor(this.spec.sizes[this.dims - 1] / 2); this.angle = 30;
    this.lines = false; this.visible = false; this.playing = false;
    this.unpacked = new Map();
    this.build();
    new IntersectionObserver(seen => {
      this.visible = seen[seen.length - 1].isIntersecting;
      if (this.visible && !this.begun) { this.begun = true; this.begin(); }
      if (this.visible) this.wake();
    }).observe(root);
  }

  // begin unpacks the first field as soon as the film can be seen, and plays it unless the reader wants no motion.
  async begin() {
    this.playing = this.frames > 1 && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.toggleText();
    await this.load();
    this.wake();
  }

  build() {
    const s = this.spec;
    const fields = options(element("select", { onchange: e => { this.field = +e.target.value; this.load(); } }), s.fields.map(f => f.unit ? `${f.name} (${f.unit})` : f.name));
    this.toggle = element("button", { type: "button", class: "play", onclick: () => this.setPlaying(!this.playing) });
    this.slider = element("input", { type: "range", min: 0, max: this.frames - 1, value: 0, "aria-label": "step", oninput: e => { this.setPlaying(false); this.show(+e.target.value); } });
    this.label = element("output", { class: "step" });
    const speed = options(element("select", { onchange: e => { this.speed = [0.25, 0.5, 1, 2, 4][e.target.value]; } }), ["¼ x", "½ x", "1 x", "2 x", "4 x"]);
    speed.value = 2;
    const bar = element("div", { class: "controls" }, labelled("field", fields), this.toggle, this.slider, this.label, labelled("speed", speed));
    if (this.dims > 2) this.addViews(bar);
    if (s.vectors.length) {
      const over = options(element("select", { onchange: e => { this.lines = e.target.value === "0" ? false : s.vectors[e.target.value - 1]; this.load(); } }), ["none", ...s.vectors.map(v => v.name)]);
      bar.append(labelled("streamlines", over));
    }
    this.panels = s.columns.map((name, i) => this.panel(name, i));
    const aspect = s.length[0] / (s.length[1] || s.length[0] / 8);
    this.stage = element("div", { class: aspect > 2.4 && this.dims < 3 ? "stage stacked" : "stage", tabindex: 0, role: "group", "aria-label": `${s.name}: pictures; space plays, arrows step`, onkeydown: e => this.key(e) }, ...this.panels.map(p => p.figure));
    this.readout = element("p", { class: "readout" }, this.orientation());
    this.root.append(bar, this.stage, this.readout);
    this.toggleText();
    this.show(0);
  }

  addViews(bar) {
    const names = ["slice", "maximum", "turn"];
    const view = options(element("select", { onchange: e => { this.view = names[e.target.value]; this.extent(); this.draw(); } }), ["slice", "maximum projection", "rotating view"]);
    const axis = options(element("select", { onchange: e => { this.axis = +e.target.value; this.position = Math.floor(this.spec.sizes[this.axis] / 2); this.extent(); this.draw(); } }), this.spec.axes);
    axis.value = this.axis;
    this.through = element("input", { type: "range", min: 0, oninput: e => {
      if (this.view === "turn") this.angle = +e.target.value; else this.position = +e.target.value;
      this.draw();
    } });
    this.throughLabel = element("span", {});
    bar.append(labelled("view", view), this.axisLabel = labelled("along", axis), element("label", {}, this.throughLabel, this.through));
    this.extent();
  }

  // extent gives the second slider the range of what it moves.
  extent() {
    const turn = this.view === "turn";
    this.axisLabel.hidden = turn;
    this.through.max = turn ? 359 : this.spec.sizes[this.axis] - 1;
    this.through.value = turn ? this.angle : this.position;
    this.through.disabled = this.view === "maximum";
    this.throughLabel.textContent = turn ? "angle" : "at";
  }

  panel(name, column) {
    const picture = element("canvas", { role: "img" }), over = element("canvas", { class: "over", "aria-hidden": "true" });
    const frame = element("div", { class: "picture" }, picture, over);
    const bar = element("canvas", { class: "bar", width: levels + 1, height: 1 }), ticks = element("div", { class: "ticks" });
    const title = name === "error" ? "error (prediction − truth)" : name;
    const p = { name, column, picture, over, frame, bar, ticks, figure: element("figure", { class: "panel" }, element("figcaption", {}, title), frame, element("div", { class: "barline" }, bar, ticks)) };
    frame.addEventListener("pointermove", e => this.read(p, e));
    frame.addEventListener("pointerleave", () => { this.readout.textContent = this.orientation(); });
    return p;
  }

  orientation() {
    const a = this.spec.axes;
    if (this.dims < 2) return `${a[0]} to the right.`;
    if (this.dims < 3) return `${a[0]} to the right, ${a[1]} upwards. ${this.spec.note}`;
    return `Axes ${a.join(", ")}. ${this.spec.note}`;
  }

  toggleText() {
    this.toggle.textContent = this.playing ? "Pause" : "Play";
    this.toggle.disabled = this.frames < 2 && this.dims < 3;
  }

  setPlaying(on) { this.playing = on; this.toggleText(); this.wake(); }

  key(e) {
    const moves = { ArrowRight: this.frame + 1, ArrowLeft: this.frame - 1, Home: 0, End: this.frames - 1 };
    if (e.key === " ") this.setPlaying(!this.playing);
    else if (e.key in moves) { this.setPlaying(false); this.show(moves[e.key]); }
    else return;
    e.preventDefault();
  }

  // wake starts the clock of a film that plays and can be seen.
  wake() {
    if (this.ticking || !this.playing || !this.visible) return;
    this.ticking = true;
    let last = performance.now();
    const tick = now => {
      if (!this.playing || !this.visible) { this.ticking = false; return; }
      const pause = 1000 / framesPerSecond / this.speed;
      if (now - last >= (this.frame === this.frames - 1 && this.frames > 1 ? Math.max(pause, restAtEnd) : pause)) {
        last = now;
        if (this.view === "turn") { this.angle = (this.angle + degreesAFrame) % 360; this.through.value = this.angle; }
        this.show((this.frame + 1) % this.frames);
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  show(frame) {
    this.frame = Math.min(Math.max(frame, 0), this.frames - 1);
    this.slider.value = this.frame;
    const marked = this.spec.mark >= 0 && this.frame >= this.spec.mark;
    const text = this.spec.labels[this.frame] + (marked ? `: ${this.spec.markNote}` : "");
    this.label.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.root.dataset.frame = this.frame;
    this.draw();
  }

  // bytes unpacks one column of a field, once as long as it is needed.
  bytes(field, column) {
    const id = this.spec.fields[field].blobs[column];
    if (!this.unpacked.has(id)) {
      const holder = [...this.root.querySelectorAll("template")].find(t => t.dataset.blob === id);
      this.unpacked.set(id, unpack(holder.content.textContent.trim(), this.spec.sizes));
    }
    return this.unpacked.get(id);
  }

  // load brings the field that is chosen, and the components of the streamlines, and lets go of the others.
  async load() {
    const field = this.field, lines = this.lines;
    const wanted = [field, ...(lines ? lines.components : [])];
    const ids = new Set(wanted.flatMap(f => this.spec.fields[f].blobs));
    for (const id of this.unpacked.keys()) if (!ids.has(id)) this.unpacked.delete(id);
    try {
      const columns = await Promise.all(this.panels.map((_, c) => this.bytes(field, c)));
      const components = lines ? await Promise.all(this.panels.slice(0, 2).map((_, c) => Promise.all(lines.components.map(f => this.bytes(f, c))))) : null;
      if (field !== this.field || lines !== this.lines) return; // the reader has gone on
      this.columns = columns; this.components = components; this.shown = this.spec.fields[field];
    } catch (failure) {
      this.readout.textContent = `These pictures could not be unpacked (${failure.message}): this browser may be too old for DecompressionStream.`;
      return;
    }
    this.panels.forEach(p => this.drawBar(p));
    this.root.dataset.loaded = "yes";
    this.draw();
  }

  scaleOf(p) { return this.shown.scales[p.name === "error" ? 1 : 0]; }

  drawBar(p) {
    const s = this.scaleOf(p), context = p.bar.getContext("2d"), image = context.createImageData(levels + 1, 1);
    new Uint32Array(image.data.buffer).set(palettes[s.map].subarray(0, levels + 1));
    context.putImageData(image, 0, 0);
    p.ticks.replaceChildren(...s.ticks.map(t => {
      const mark = element("span", {}, t.label);
      mark.style.left = `${100 * (t.value - s.low) / (s.high - s.low)}%`;
      return mark;
    }));
    p.bar.parentNode.dataset.below = s.below ? "◂" : "";
    p.bar.parentNode.dataset.above = s.above ? "▸" : "";
    p.bar.parentNode.title = s.below || s.above ? "an arrow: there are values beyond this end" : "";
  }

  draw() {
    if (!this.columns) return;
    this.panels.forEach(p => {
      const frame = this.columns[p.column].subarray(this.frame * volume(this.spec.sizes), (this.frame + 1) * volume(this.spec.sizes));
      const s = this.scaleOf(p), plane = this.plane(frame, s);
      const c = p.picture;
      if (c.width !== plane.width || c.height !== plane.height) { c.width = plane.width; c.height = plane.height; }
      p.frame.style.aspectRatio = plane.aspect;
      p.frame.classList.toggle("crisp", plane.width < 220 && this.view !== "turn");
      const context = c.getContext("2d"), image = context.createImageData(plane.width, plane.height);
      const out = new Uint32Array(image.data.buffer), palette = palettes[s.map];
      for (let i = 0; i < out.length; i++) out[i] = plane.covered && !plane.covered[i] ? 0 : palette[plane.bytes[i]];
      context.putImageData(image, 0, 0);
      c.setAttribute("aria-label", `${this.shown.name}, ${p.name}, ${this.spec.labels[this.frame]}`);
      p.plane = plane;
      this.drawOver(p, plane);
    });
  }

  // plane is what a panel shows of one frame: bytes row by row from the top.
  plane(frame, scale) {
    const sizes = this.spec.sizes, length = this.spec.length;
    if (this.view === "turn") return this.turned(frame, scale);
    if (this.dims === 1) return { width: sizes[0], height: 1, aspect: 8, bytes: frame, at: i => [i] };
    const cut = this.dims > 2 ? this.axis : -1;
    const [u, v] = [0, 1, 2].filter(a => a < this.dims && a !== cut);
    const width = sizes[u], height = sizes[v], bytes = new Uint8Array(width * height);
    const deep = cut >= 0 && this.view === "maximum";
    const from = cut >= 0 && !deep ? this.position : 0, to = deep ? sizes[cut] : from + 1, step = cut >= 0 ? this.strides[cut] : 0;
    const weight = weightOf(scale);
    for (let j = 0; j < height; j++) for (let i = 0; i < width; i++) {
      const base = i * this.strides[u] + j * this.strides[v];
      let best = frame[base + from * step];
      for (let k = from + 1; k < to; k++) { const b = frame[base + k * step]; if (weight[b] > weight[best]) best = b; }
      bytes[(height - 1 - j) * width + i] = best;
    }
    const at = (i, j) => { const cell = []; cell[u] = i; cell[v] = height - 1 - j; if (cut >= 0) cell[cut] = deep ? null : this.position; return cell; };
    return { width, height, bytes, aspect: length[u] / length[v], at, u, v, base: from * step };
  }

  // turned is the maximum along parallel rays through the volume, seen from above the horizon.
  turned(frame, scale) {
    const n = turnPixels, bytes = new Uint8Array(n * n), covered = new Uint8Array(n * n);
    const sizes = this.spec.sizes, weight = weightOf(scale), view = this.camera();
    const steps = Math.ceil(1.8 * Math.max(...sizes));
    for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) {
      const a = (column + 0.5) / n * 2 - 1, b = 1 - (row + 0.5) / n * 2;
      let best = -1, bestWeight = -1;
      const p = [0, 1, 2].map(k => view.right[k] * a + view.up[k] * b);
      const start = [0, 1, 2].map(k => ((p[k] - view.ahead[k]) / view.half[k] + 1) / 2 * sizes[k]);
      const move = [0, 1, 2].map(k => view.ahead[k] * 2 / steps / view.half[k] / 2 * sizes[k]);
      let [x, y, z] = start;
      for (let s = 0; s <= steps; s++, x += move[0], y += move[1], z += move[2]) {
        if (x < 0 || y < 0 || z < 0 || x >= sizes[0] || y >= sizes[1] || z >= sizes[2]) continue;
        const value = frame[(x | 0) * this.strides[0] + (y | 0) * this.strides[1] + (z | 0)];
        if (weight[value] > bestWeight) { bestWeight = weight[value]; best = value; }
      }
      if (best >= 0) { bytes[row * n + column] = best; covered[row * n + column] = 1; }
    }
    return { width: n, height: n, bytes, covered, aspect: 1, box: view };
  }

  // camera gives the directions of the view, in units in which the box fits the picture from every side; half is half its lengths.
  camera() {
    const elevation = 25 * Math.PI / 180, azimuth = this.angle * Math.PI / 180;
    const c = Math.cos(azimuth), s = Math.sin(azimuth), ce = Math.cos(elevation), se = Math.sin(elevation);
    const diagonal = Math.hypot(...this.spec.length);
    return { right: [-s, c, 0], up: [-se * c, -se * s, ce], ahead: [-ce * c, -ce * s, -se], half: this.spec.length.map(l => l / diagonal) };
  }

  // drawOver draws what lies over the data: streamlines, or the edges of the box.
  drawOver(p, plane) {
    const c = p.over, density = window.devicePixelRatio || 1;
    if (!this.lines && !plane.box) { if (c.width > 1) { c.width = 1; c.height = 1; } return; }
    const width = Math.round(p.frame.clientWidth * density) || 300;
    c.width = width; c.height = Math.max(1, Math.round(width / plane.aspect));
    const context = c.getContext("2d");
    if (plane.box) return drawBox(context, plane.box, this.spec.axes, density);
    if (this.components && p.column < 2) drawStreamlines(context, plane, this.flow(p.column, plane), density);
  }

  // flow is the vector field in the plane that is shown, in cells a unit of time.
  flow(column, plane) {
    if (this.dims < 2 || this.view === "maximum") return null;
    const frame = this.frame * volume(this.spec.sizes), parts = this.components[column];
    const value = axis => {
      const s = this.spec.fields[this.lines.components[axis]].scales[0], bytes = parts[axis];
      const cell = this.spec.sizes[axis] / this.spec.length[axis], unit = (s.high - s.low) / levels;
      return (i, j) => { const b = bytes[frame + plane.base + i * this.strides[plane.u] + j * this.strides[plane.v]]; return b === notFinite ? 0 : (s.low + b * unit) * cell; };
    };
    return { width: plane.width, height: plane.height, u: value(plane.u), v: value(plane.v) };
  }

  read(p, e) {
    if (!p.plane || !p.plane.at) return;
    const box = p.frame.getBoundingClientRect();
    const i = Math.floor((e.clientX - box.left) / box.width * p.plane.width), j = Math.floor((e.clientY - box.top) / box.height * p.plane.height);
    if (i < 0 || j < 0 || i >= p.plane.width || j >= p.plane.height) return;
    const cell = p.plane.at(i, j);
    const where = this.spec.axes.map((a, k) => cell[k] === null || cell[k] === undefined ? null : `${a} cell ${cell[k]}`).filter(Boolean).join(", ");
    const values = this.panels.map(q => {
      const b = q.plane.bytes[j * q.plane.width + i], s = this.scaleOf(q);
      if (b === notFinite) return `${q.name} not finite`;
      const beyond = b === 0 && s.below ? "≤ " : b === levels && s.above ? "≥ " : "";
      return `${q.name} ${beyond}${(s.low + b / levels * (s.high - s.low)).toPrecision(3)}`;
    });
    this.readout.textContent = `${where}: ${this.shown.name} ${values.join(", ")}${this.shown.unit ? " " + this.shown.unit : ""}`;
  }
}

// weightOf says which of two values a maximum projection shows: the larger one, or the one farther from zero on a scale that is symmetric.
function weightOf(scale) {
  const weight = new Float32Array(256), middle = levels / 2;
  for (let b = 0; b <= levels; b++) weight[b] = scale.map === "sequential" ? b : Math.abs(b - middle);
  weight[notFinite] = 1000;
  return weight;
}

// drawStreamlines integrates lines from seeds that no earlier line has come near (after Jobard and Lefer 1997).
function drawStreamlines(context, plane, flow, density) {
  if (!flow) return;
  const { width, height } = flow, canvas = context.canvas;
  const across = 26, cell = Math.max(width, height) / across;
  const columns = Math.ceil(width / cell), rows = Math.ceil(height / cell);
  const taken = new Int32Array(columns * rows);
  const at = (f, x, y) => { // bilinear, held at the ends
    const i = Math.min(Math.max(x - 0.5, 0), width - 1), j = Math.min(Math.max(y - 0.5, 0), height - 1);
    const i0 = Math.floor(i), j0 = Math.floor(j), i1 = Math.min(i0 + 1, width - 1), j1 = Math.min(j0 + 1, height - 1), a = i - i0, b = j - j0;
    return (f(i0, j0) * (1 - a) + f(i1, j0) * a) * (1 - b) + (f(i0, j1) * (1 - a) + f(i1, j1) * a) * b;
  };
  let fastest = 0;
  for (let j = 0; j < rows; j++) for (let i = 0; i < columns; i++) fastest = Math.max(fastest, Math.hypot(at(flow.u, (i + 0.5) * cell, (j + 0.5) * cell), at(flow.v, (i + 0.5) * cell, (j + 0.5) * cell)));
  if (!(fastest > 0)) return;
  const direction = (x, y) => {
    const u = at(flow.u, x, y), v = at(flow.v, x, y), speed = Math.hypot(u, v);
    return speed > 0.02 * fastest ? [u / speed, v / speed] : null;
  };
  const step = cell / 4, longest = 90;
  const trace = (x, y, sign, line) => {
    const points = [];
    for (let k = 0; k < longest; k++) {
      const d = direction(x, y);
      if (!d) break;
      const half = direction(x + sign * step / 2 * d[0], y + sign * step / 2 * d[1]) || d;
      x += sign * step * half[0]; y += sign * step * half[1];
      if (x < 0 || y < 0 || x >= width || y >= height) break;
      const box = Math.floor(y / cell) * columns + Math.floor(x / cell);
      if (taken[box] && taken[box] !== line) break;
      taken[box] = line;
      points.push([x, y]);
    }
    return points;
  };
  const toX = x => x / width * canvas.width, toY = y => canvas.height - y / height * canvas.height;
  const path = new Path2D(), heads = new Path2D(), size = 4 * density;
  let line = 0;
  for (let j = 0; j < rows; j++) for (let i = 0; i < columns; i++) {
    if (taken[j * columns + i]) continue;
    const x = (i + 0.5) * cell, y = (j + 0.5) * cell;
    taken[j * columns + i] = ++line;
    const points = [...trace(x, y, -1, line).reverse(), [x, y], ...trace(x, y, 1, line)];
    if (points.length < 8) continue;
    points.forEach(([a, b], k) => k ? path.lineTo(toX(a), toY(b)) : path.moveTo(toX(a), toY(b)));
    const m = points.length >> 1, [a, b] = points[m], [c, d] = points[m - 1];
    const angle = Math.atan2(toY(b) - toY(d), toX(a) - toX(c));
    heads.moveTo(toX(a) + size * Math.cos(angle), toY(b) + size * Math.sin(angle));
    for (const turn of [2.5, -2.5]) heads.lineTo(toX(a) + size * Math.cos(angle + turn), toY(b) + size * Math.sin(angle + turn));
    heads.closePath();
  }
  context.lineJoin = "round";
  context.strokeStyle = "rgba(255, 255, 255, 0.75)"; context.lineWidth = 2.6 * density; context.stroke(path); context.stroke(heads);
  context.strokeStyle = context.fillStyle = "rgba(10, 12, 20, 0.85)"; context.lineWidth = density; context.stroke(path); context.fill(heads);
}

// drawBox draws the edges of the volume and the names of its axes.
function drawBox(context, view, axes, density) {
  const n = context.canvas.width, color = getComputedStyle(document.body).color;
  const project = corner => {
    const p = corner.map((c, k) => c * view.half[k]);
    const along = d => p[0] * d[0] + p[1] * d[1] + p[2] * d[2];
    return [(along(view.right) + 1) / 2 * n, (1 - along(view.up)) / 2 * n];
  };
  context.strokeStyle = context.fillStyle = color; context.globalAlpha = 0.55; context.lineWidth = density;
  context.font = `${12 * density}px sans-serif`; context.textAlign = "center"; context.textBaseline = "middle";
  for (let axis = 0; axis < 3; axis++) for (const a of [-1, 1]) for (const b of [-1, 1]) {
    const from = [a, b]; from.splice(axis, 0, -1);
    const to = [a, b]; to.splice(axis, 0, 1);
    context.beginPath(); context.moveTo(...project(from)); context.lineTo(...project(to)); context.stroke();
  }
  for (let axis = 0; axis < 3; axis++) {
    const end = [-1, -1, -1]; end[axis] = 1.15;
    context.fillText(axes[axis], ...project(end));
  }
}

window.films = [...document.querySelectorAll(".film")].map(root => new Film(root));
})();
