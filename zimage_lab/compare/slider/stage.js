"use strict";
// What a slider is in the page: two pictures of one prompt on one canvas, under one camera. Pointer and keys are heard
// and drawn here alone; `load` is asked for a picture when it is chosen, `kept` is told of the view when it rests.
// Whatever stands in the data is put on the page as text, never as markup.

const MODES = ["wipe", "side", "blink", "difference"];
const FIRST = { prompt: 0, seed: 0, left: 0, right: 1, mode: "wipe", at: 0.5, zoom: 1, x: 0.5, y: 0.5, gain: 1 };
const MOST_ZOOM = 32, STEP = 1.25, GAP = 8, NEAR = 18, KEPT = 12, BLINK = 700, REST = 250, GAINS = [1, 4, 16];
const MUCH_SMALLER = 0.67; // below it pixels would be left out; above it, what is slower is seen by nobody
const PIXELS_SEEN = 6; // screen pixels for one of the picture, from which they are drawn as squares

function make(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const limited = (value, low, high) => Math.min(Math.max(value, low), high);

// A camera is a zoom and the point of the picture, in shares of it, that is seen in the middle of a pane.
function rectangle(view, pane, picture) {
  const scale = Math.min(pane.width / picture.width, pane.height / picture.height) * view.zoom;
  const width = picture.width * scale, height = picture.height * scale;
  return { x: pane.x + pane.width / 2 - view.x * width, y: pane.y + pane.height / 2 - view.y * height, width, height, scale };
}

// A picture that fits is in the middle; of a larger one no edge comes inside the pane.
function held(view, pane, picture) {
  const { width, height } = rectangle(view, pane, picture);
  for (const [axis, room, size] of [["x", pane.width, width], ["y", pane.height, height]]) {
    const half = room / 2 / size;
    view[axis] = half >= 0.5 ? 0.5 : limited(view[axis], half, 1 - half);
  }
}

function difference(one, other, gain) {
  const width = Math.max(one.width, other.width), height = Math.max(one.height, other.height);
  const [a, b] = [one, other].map((picture) => {
    const canvas = new OffscreenCanvas(width, height), brush = canvas.getContext("2d", { willReadFrequently: true });
    brush.drawImage(picture, 0, 0, width, height);
    return brush.getImageData(0, 0, width, height);
  });
  let sum = 0;
  for (let place = 0; place < a.data.length; place += 4) {
    for (let channel = place; channel < place + 3; channel++) {
      const apart = Math.abs(a.data[channel] - b.data[channel]);
      sum += apart;
      a.data[channel] = apart * gain; // the array limits it to 255
    }
    a.data[place + 3] = 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(a, 0, 0);
  return { canvas, mean: sum / (width * height * 3) };
}

function stage(root, told, load, kept) {
  const words = told.words, over = new AbortController(), heard = { signal: over.signal };
  const view = { ...FIRST, ...told.view };
  view.prompt = limited(view.prompt, 0, told.prompts.length - 1);
  view.seed = limited(view.seed, 0, told.seeds.length - 1);
  for (const side of ["left", "right"]) view[side] = limited(view[side], 0, told.labels.length - 1);
  if (!MODES.includes(view.mode)) view.mode = FIRST.mode;
  let states = told.states, pair = [null, null], apart = null, flipped = false, paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let wanted = 0, painting = 0, resting = 0, blinking = 0;
  const pictures = new Map(); // the newest, by their places
  const word = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

  // the parts
  root.classList.add("zl-look");
  const tools = make("div", "zl-look-tools"), frame = make("div", "zl-look-frame"), canvas = make("canvas");
  const brush = canvas.getContext("2d"), names = [make("span", "zl-look-name"), make("span", "zl-look-name zl-look-right")];
  const said = make("div", "zl-look-said"), line = make("div", "zl-look-line"), hint = make("div", "zl-look-hint", word("keys"));
  said.setAttribute("role", "status");
  canvas.tabIndex = 0;
  frame.append(canvas, ...names, said);
  root.replaceChildren(tools, frame, line, hint);

  function button(text, label, act, kind = "") {
    const made = make("button", kind, text);
    made.type = "button";
    made.title = label;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act, heard);
    return made;
  }
  function list(key, options, act) {
    const label = make("label", `zl-look-${key}`, word(key)), made = make("select");
    options.forEach((text, place) => made.append(new Option(text.length > 90 ? `${text.slice(0, 90)} …` : text, place)));
    made.addEventListener("change", () => act(Number(made.value)), heard);
    label.append(made);
    return [label, made];
  }
  const change = (changes) => { Object.assign(view, changes); settle(); show(); };
  function turn(key, by) {
    const count = told[`${key}s`].length;
    if (count > 1) change({ [key]: (view[key] + by + count) % count });
  }
  const choose = (side, other) => (place) => change({ [side]: place, ...(view[other] === place ? { [other]: view[side] } : {}) });
  const swap = () => change({ left: view.right, right: view.left });
  const [leftLabel, left] = list("left", told.labels, choose("left", "right"));
  const [rightLabel, right] = list("right", told.labels, choose("right", "left"));
  const [promptLabel, prompt] = list("prompt", told.prompts, (place) => change({ prompt: place }));
  const [seedLabel, seed] = list("seed", told.seeds, (place) => change({ seed: place }));
  const arrows = (key) => {
    const both = make("span", "zl-look-pair");
    both.append(button("‹", word(`${key}_before`), () => turn(key, -1)), button("›", word(`${key}_after`), () => turn(key, 1)));
    both.hidden = told[`${key}s`].length < 2;
    return both;
  };
  const modes = make("span", "zl-look-pair");
  modes.setAttribute("role", "group");
  modes.setAttribute("aria-label", word("modes"));
  const modeButtons = MODES.map((mode) => button(word(mode), word(`${mode}_tip`), () => setMode(mode), "zl-look-mode"));
  modes.append(...modeButtons);
  const gain = button("", word("gain"), nextGain), pause = button("", word("pause_tip"), flip);
  const zooms = make("span", "zl-look-pair zl-look-end");
  zooms.append(button("−", word("zoom_out"), () => zoom(1 / STEP)), button("+", word("zoom_in"), () => zoom(STEP)), button(word("fit"), word("fit_tip"), fit));
  const rows = [make("div"), make("div")];
  rows[0].append(promptLabel, arrows("prompt"), seedLabel, arrows("seed"));
  rows[1].append(leftLabel, button("⇄", word("swap"), swap), rightLabel, modes, gain, pause, zooms);
  tools.append(...rows);

  // what is shown
  const cell = (side) => (view.prompt * told.seeds.length + view.seed) * told.labels.length + view[side];
  async function picture(place) {
    if (!pictures.has(place)) {
      pictures.set(place, load(place).then((source) => source && decoded(source)).catch(() => null));
    }
    const found = pictures.get(place);
    pictures.delete(place); // and behind all others
    pictures.set(place, found);
    while (pictures.size > KEPT) {
      const [oldest, gone] = pictures.entries().next().value;
      pictures.delete(oldest);
      gone.then((image) => image && !pair.includes(image) && image.close());
    }
    const image = await found;
    if (!image && pictures.get(place) === found) pictures.delete(place); // it may be asked for again
    return image;
  }
  async function decoded(source) {
    const image = new Image();
    image.src = source;
    try {
      await image.decode();
      return await createImageBitmap(image);
    } finally {
      if (source.startsWith("blob:")) URL.revokeObjectURL(source);
    }
  }
  async function show() {
    const asked = ++wanted;
    draw();
    const places = ["left", "right"].map(cell);
    const found = await Promise.all(places.map((place) => (states[place] ? null : picture(place))));
    if (asked !== wanted || over.signal.aborted) return;
    pair = found;
    apart = null;
    size();
    draw();
    for (let contestant = 0; contestant < told.labels.length && told.labels.length <= KEPT / 2; contestant++) {
      const place = places[0] - view.left + contestant; // who turns to another pair finds it here
      if (!states[place]) picture(place);
    }
  }
  function settle() {
    clearTimeout(resting);
    resting = setTimeout(() => kept({ ...view }), REST);
  }
  function draw() {
    [[left, view.left], [right, view.right], [prompt, view.prompt], [seed, view.seed]].forEach(([one, value]) => (one.value = value));
    modeButtons.forEach((one, place) => one.setAttribute("aria-pressed", MODES[place] === view.mode));
    gain.hidden = view.mode !== "difference";
    gain.textContent = `× ${view.gain}`;
    pause.hidden = view.mode !== "blink";
    pause.textContent = word(paused ? "flip" : "pause");
    line.textContent = `${told.prompts[view.prompt]} · ${word("seed_line", { seed: told.seeds[view.seed] })}`;
    clearInterval(blinking);
    if (view.mode === "blink" && !paused) blinking = setInterval(() => { flipped = !flipped; paintSoon(); }, BLINK);
    paintSoon();
  }

  // where it is
  function panes() {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (view.mode !== "side") return [{ x: 0, y: 0, width, height }];
    const half = (width - GAP) / 2;
    return [{ x: 0, y: 0, width: half, height }, { x: half + GAP, y: 0, width: half, height }];
  }
  const ground = () => {
    const there = pair.filter(Boolean);
    return there.length ? { width: Math.max(...there.map((one) => one.width)), height: Math.max(...there.map((one) => one.height)) } : null;
  };
  function size() {
    const width = frame.clientWidth, picture = ground();
    if (!width) return;
    const tall = picture ? (width * picture.height) / picture.width : width * 0.6;
    const most = Math.max(240, Math.min(innerHeight * 0.68, Math.max(448, picture ? picture.height : 0)));
    const height = Math.round(Math.min(tall, most)), ratio = devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    paintSoon();
  }
  function paintSoon() {
    if (!painting) painting = requestAnimationFrame(paint);
  }
  function seen() { // the part of the first pane that shows picture
    const pane = panes()[0], picture = ground();
    if (!picture) return pane;
    const at = rectangle(view, pane, picture), x = Math.max(pane.x, at.x), width = Math.min(pane.x + pane.width, at.x + at.width) - x;
    return { x, width };
  }
  function put(image, pane, clip) {
    const whole = ground(), at = rectangle(view, pane, whole);
    brush.imageSmoothingEnabled = at.width / image.width < PIXELS_SEEN;
    brush.imageSmoothingQuality = at.width < image.width * MUCH_SMALLER ? "medium" : "low";
    // What is not seen is not given to the canvas at all: far in, a picture would be enormous.
    const x = Math.max(at.x, clip.x), right = Math.min(at.x + at.width, clip.x + clip.width);
    const y = Math.max(at.y, clip.y), bottom = Math.min(at.y + at.height, clip.y + clip.height);
    const [h, v] = [image.width / at.width, image.height / at.height];
    if (right > x && bottom > y) brush.drawImage(image, (x - at.x) * h, (y - at.y) * v, (right - x) * h, (bottom - y) * v, x, y, right - x, bottom - y);
  }
  function paint() {
    painting = 0;
    const ratio = canvas.width / Math.max(1, canvas.clientWidth);
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    const whole = ground(), places = panes(), missing = ["left", "right"].filter((_, side) => !pair[side]);
    if (whole) {
      held(view, places[0], whole);
      if (view.mode === "side") {
        pair.forEach((image, side) => image && put(image, places[side], places[side]));
      } else if (view.mode === "wipe") {
        wipe(places[0]);
      } else if (view.mode === "blink") {
        const image = pair[flipped ? 1 : 0];
        if (image) put(image, places[0], places[0]);
      } else if (!missing.length) {
        apart ??= difference(...pair, view.gain);
        put(apart.canvas, places[0], places[0]);
      }
    }
    tell(missing);
  }
  function wipe(pane) {
    const { x, width } = seen(), cut = x + width * view.at;
    if (pair[1]) put(pair[1], pane, { x: cut, y: 0, width: pane.width - cut, height: pane.height });
    if (pair[0]) put(pair[0], pane, { x: 0, y: 0, width: cut, height: pane.height });
    for (const [color, wide] of [["rgb(0 0 0 / 45%)", 4], ["#fff", 2]]) {
      brush.fillStyle = color;
      brush.fillRect(cut - wide / 2, 0, wide, pane.height);
    }
    brush.beginPath();
    brush.arc(cut, pane.height / 2, 9, 0, 2 * Math.PI);
    brush.fillStyle = "#fff";
    brush.strokeStyle = "rgb(0 0 0 / 45%)";
    brush.fill();
    brush.stroke();
  }
  function tell(missing) {
    const labels = [told.labels[view.left], told.labels[view.right]], one = view.mode === "blink" || view.mode === "difference";
    write(names[0], view.mode === "difference" ? `|${labels[0]} − ${labels[1]}|` : labels[view.mode === "blink" && flipped ? 1 : 0]);
    write(names[1], labels[1]);
    names[1].hidden = one;
    const states_ = missing.map((side) => `${told.labels[view[side]]}: ${states[cell(side)] || word("loading")}`);
    const mean = view.mode === "difference" && apart ? word("mean", { mean: apart.mean.toFixed(1) }) : "";
    write(said, states_.join(" · ") || mean);
    said.classList.toggle("zl-look-low", !missing.length);
    const wiping = view.mode === "wipe";
    canvas.setAttribute("role", wiping ? "slider" : "img");
    canvas.setAttribute("aria-label", word(`label_${view.mode}`, { left: labels[0], right: labels[1] }));
    for (const [name, value] of [["now", Math.round(view.at * 100)], ["min", 0], ["max", 100]]) {
      if (wiping) canvas.setAttribute(`aria-value${name}`, value);
      else canvas.removeAttribute(`aria-value${name}`);
    }
    canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
  }

  // what is done
  const moved = () => { settle(); paintSoon(); };
  const setMode = (mode) => { flipped = false; change({ mode }); };
  function nextGain() {
    apart = null;
    change({ gain: GAINS[(GAINS.indexOf(view.gain) + 1) % GAINS.length] });
  }
  function flip() { // the first press stops it, each further one turns to the other picture
    if (paused) flipped = !flipped;
    paused = true;
    draw();
  }
  function fit() { Object.assign(view, { zoom: 1, x: 0.5, y: 0.5 }); moved(); }
  function zoom(by, point) {
    const whole = ground();
    if (!whole) return;
    const pane = point ? panes().find((one) => point.x <= one.x + one.width) ?? panes().at(-1) : panes()[0];
    const before = rectangle(view, pane, whole), at = point ?? { x: pane.x + pane.width / 2, y: pane.y + pane.height / 2 };
    const share = { x: (at.x - before.x) / before.width, y: (at.y - before.y) / before.height };
    view.zoom = limited(view.zoom * by, 1, MOST_ZOOM);
    const after = rectangle(view, pane, whole);
    view.x = share.x - (at.x - pane.x - pane.width / 2) / after.width;
    view.y = share.y - (at.y - pane.y - pane.height / 2) / after.height;
    moved();
  }
  function pan(x, y) {
    const whole = ground();
    if (!whole) return;
    const { width, height } = rectangle(view, panes()[0], whole);
    view.x -= x / width;
    view.y -= y / height;
    moved();
  }
  function wipeTo(x) {
    const part = seen();
    view.at = limited((x - part.x) / Math.max(1, part.width), 0, 1);
    moved();
  }

  // who does it
  const fingers = new Map();
  let wiping = false, spread = 0;
  const point = (event) => { const box = canvas.getBoundingClientRect(); return { x: event.clientX - box.left, y: event.clientY - box.top }; };
  const listen = (kind, act) => canvas.addEventListener(kind, act, { ...heard, passive: false });
  listen("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    const at = point(event), part = seen();
    fingers.set(event.pointerId, at);
    spread = 0;
    wiping = view.mode === "wipe" && (view.zoom === 1 || Math.abs(at.x - part.x - part.width * view.at) < NEAR);
    if (wiping) wipeTo(at.x);
  });
  listen("pointermove", (event) => {
    const before = fingers.get(event.pointerId), at = point(event);
    if (!before) return;
    fingers.set(event.pointerId, at);
    if (fingers.size > 1) {
      const [one, other] = [...fingers.values()], now = Math.hypot(one.x - other.x, one.y - other.y);
      if (spread) zoom(now / spread, { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
      spread = now;
    } else if (wiping) wipeTo(at.x);
    else pan(at.x - before.x, at.y - before.y);
  });
  for (const kind of ["pointerup", "pointercancel"]) listen(kind, (event) => { fingers.delete(event.pointerId); spread = 0; });
  listen("wheel", (event) => { // it is the page's until somebody clicked here
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-limited(event.deltaY, -600, 600) * 0.0016), point(event));
  });
  listen("dblclick", (event) => (view.zoom > 1 ? fit() : zoom(4, point(event))));
  const bare = (event) => !(event.ctrlKey || event.metaKey || event.altKey);
  // JupyterLab asks this attribute on the way to what has the focus; keys with Ctrl, Alt or Cmd stay its own.
  window.addEventListener("keydown", (event) => event.target === canvas && canvas.toggleAttribute("data-lm-suppress-shortcuts", bare(event)), { ...heard, capture: true });
  const KEYS = {
    ArrowLeft: () => aside(-1, 0), ArrowRight: () => aside(1, 0), ArrowUp: () => pan(0, 40), ArrowDown: () => pan(0, -40),
    Home: () => view.mode === "wipe" && wipeAt(0), End: () => view.mode === "wipe" && wipeAt(1),
    "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), 0: fit, Escape: fit, x: swap, " ": () => view.mode === "blink" && flip(),
    PageUp: () => turn("prompt", -1), PageDown: () => turn("prompt", 1), ",": () => turn("seed", -1), ".": () => turn("seed", 1),
    1: () => setMode("wipe"), 2: () => setMode("side"), 3: () => setMode("blink"), 4: () => setMode("difference"),
  };
  function wipeAt(at) { view.at = limited(at, 0, 1); moved(); }
  function aside(by, fast) { return view.mode === "wipe" && !fast ? wipeAt(view.at + by * 0.02) : pan(-by * 40, 0); }
  listen("keydown", (event) => {
    if (!bare(event)) return;
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key], act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey && sideways) aside(sideways, 1);
    else act();
  });
  const watch = new ResizeObserver(size);
  watch.observe(frame);
  show();
  return {
    view, // for tests
    renew(fresh) { // pictures were made meanwhile
      states = fresh;
      if (pair.includes(null)) show();
    },
    end() {
      over.abort();
      watch.disconnect();
      clearInterval(blinking);
      clearTimeout(resting);
      cancelAnimationFrame(painting);
    },
  };
}
