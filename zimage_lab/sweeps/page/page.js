"use strict";
// Whatever stands in the data is put on the page as text, never as markup.
const sweep = JSON.parse(document.getElementById("data").textContent);
const find = (name) => document.querySelector(name);
const WRONG = new Set(["failed", "invalid_output", "quarantined"]);
const WORDS = {
  en: {
    across: "Across", down: "Down", none: "none", smaller: "Smaller", larger: "Larger", theme: "Light or dark",
    hide: "Hide", hidden: "Show {n} hidden", close: "Close", before: "Before", after: "Next", other: "中文",
    empty: "Every row or column is hidden.", seconds: "seconds", error: "error", state: "state",
  },
  zh: {
    across: "横向", down: "纵向", none: "无", smaller: "缩小", larger: "放大", theme: "浅色或深色",
    hide: "隐藏", hidden: "显示 {n} 个隐藏项", close: "关闭", before: "上一张", after: "下一张", other: "English",
    empty: "所有行或列都已隐藏。", seconds: "用时（秒）", error: "错误", state: "状态",
    prompt: "提示词", negative_prompt: "反向提示词", model: "模型", size: "尺寸", width: "宽", height: "高", steps: "步数",
    guidance_scale: "引导", seed: "种子", shift: "偏移", variation: "变化", loras: "LoRA", lora_weight: "LoRA 权重",
    init_image: "起始图片", mask: "蒙版", strength: "重绘强度", reference_images: "参考图片", sampler: "采样器", scheduler: "调度器",
    waiting: "等待中", queued: "排队中", running: "生成中", succeeded: "成功", failed: "失败", cancelled: "已取消",
    invalid_output: "输出无效", quarantined: "已隔离",
  },
};
let language = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
const word = (key) => WORDS[language][key] || WORDS.en[key] || key.replaceAll("_", " ");
const shape = sweep.axes.map((axis) => axis.labels.length);
let columns = sweep.columns, rows = sweep.rows, edge = 0;
const turned = shape.map(() => 0);
const hidden = shape.map(() => new Set());
let seen = []; // the cells on the page, as rows of numbers
let open = -1;

function make(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}
function button(kind, text, label, act) {
  const made = make("button", kind, text);
  made.type = "button";
  made.title = label;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}
const called = (axis) => sweep.axes[axis].kind === "replace" ? sweep.axes[axis].name : word(sweep.axes[axis].name);
const shown = (axis) => [...Array(shape[axis]).keys()].filter((place) => !hidden[axis].has(place));
function number(places) {
  return places.reduce((sum, place, axis) => sum * shape[axis] + place, 0);
}
function places(cell) {
  const found = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    found.unshift(cell % shape[axis]);
    cell = Math.floor(cell / shape[axis]);
  }
  return found;
}
function at(row, column) {
  const where = [...turned];
  if (rows !== null) where[rows] = row;
  if (columns !== null) where[columns] = column;
  return number(where);
}
function told(cell) {
  const where = places(cell);
  return where.map((place, axis) => `${called(axis)}: ${sweep.axes[axis].labels[place]}`).join(", ") || sweep.name;
}
const source = (cell) => `data:image/webp;base64,${sweep.cells[cell].image}`;
function picture(cell) {
  const one = sweep.cells[cell];
  if (one.image) {
    const image = make("img");
    image.src = source(cell);
    image.alt = told(cell);
    image.loading = "lazy";
    image.width = one.width;
    image.height = one.height;
    return image;
  }
  const kind = WRONG.has(one.state) ? " wrong" : one.state === "cancelled" ? " cancelled" : "";
  return make("div", `missing${kind}`, word(one.state));
}
function cell(numbered) {
  const made = button("cell", undefined, told(numbered), () => enlarge(numbered));
  made.dataset.cell = numbered;
  made.tabIndex = -1;
  made.append(picture(numbered));
  return made;
}
function heading(axis, place) {
  const made = make("th"), label = make("div", "label");
  made.append(label);
  label.append(make("span", "name", sweep.axes[axis].labels[place]));
  label.append(button("hide", "×", `${word("hide")} ${sweep.axes[axis].labels[place]}`, () => hide(axis, place)));
  return made;
}
function hide(axis, place) {
  hidden[axis].add(place);
  draw();
}

function drawTools() {
  const tools = find(".tools");
  tools.replaceChildren();
  if (shape.length > 1) {
    for (const [key, current, choose] of [["across", columns, (axis) => { if (axis === rows) rows = columns; columns = axis; }],
      ["down", rows, (axis) => { if (axis === columns) columns = rows; rows = axis; }]]) {
      const label = make("label", "", word(key));
      const list = make("select");
      sweep.axes.forEach((_, axis) => list.append(new Option(called(axis), axis, false, axis === current)));
      list.addEventListener("change", () => { choose(Number(list.value)); draw(); });
      label.append(list);
      tools.append(label);
    }
  }
  for (const axis of further()) {
    const label = make("label", "", called(axis));
    const list = make("select", "page");
    sweep.axes[axis].labels.forEach((text, place) => list.append(new Option(text, place, false, place === turned[axis])));
    list.addEventListener("change", () => { turned[axis] = Number(list.value); draw(); });
    label.append(list);
    const turns = make("span");
    turns.append(button("", "‹", word("before"), () => turn(axis, -1)), button("", "›", word("after"), () => turn(axis, 1)));
    tools.append(label, turns);
  }
  const count = hidden.reduce((sum, set) => sum + set.size, 0);
  if (count) {
    const text = word("hidden").replace("{n}", count);
    tools.append(button("", text, text, reveal));
  }
  const apart = make("span", "apart");
  apart.append(button("", "−", word("smaller"), () => resize(1 / 1.25)), button("", "+", word("larger"), () => resize(1.25)));
  apart.append(button("", "◐", word("theme"), theme));
  apart.append(button("", word("other"), word("other"), () => { language = language === "zh" ? "en" : "zh"; draw(); }));
  tools.append(apart);
}
const further = () => shape.map((_, axis) => axis).filter((axis) => axis !== rows && axis !== columns && shape[axis] > 1);
function turn(axis, by) {
  turned[axis] = (turned[axis] + by + shape[axis]) % shape[axis];
  draw();
}
function reveal() {
  hidden.forEach((set) => set.clear());
  draw();
}
function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}
function resize(by) {
  edge = Math.max(32, Math.min(1024, Math.round(edge * by)));
  document.documentElement.style.setProperty("--edge", `${edge}px`);
}

function draw() {
  const main = find("main");
  const focused = document.activeElement?.dataset?.cell;
  document.documentElement.lang = language;
  drawTools();
  const across = columns === null ? [0] : shown(columns);
  const down = rows === null ? [0] : shown(rows);
  if (rows === null && columns !== null) {
    const flow = make("div", "flow");
    seen = [across.map((column) => at(0, column))];
    across.forEach((column) => {
      const one = make("div");
      one.append(cell(at(0, column)), make("span", "name", sweep.axes[columns].labels[column]));
      flow.append(one);
    });
    main.replaceChildren(make("p", "over", called(columns)), flow);
  } else {
    const table = make("table"), head = make("thead"), body = make("tbody"), line = make("tr"), corner = make("th");
    if (columns !== null) corner.append(make("span", "axis", `${called(columns)} →`));
    if (rows !== null) corner.append(make("span", "axis", `${called(rows)} ↓`));
    line.append(corner, ...(columns === null ? [] : across.map((column) => heading(columns, column))));
    head.append(line);
    seen = down.map((row) => across.map((column) => at(row, column)));
    down.forEach((row, place) => {
      const tr = make("tr");
      tr.append(rows === null ? make("th") : heading(rows, row));
      seen[place].forEach((numbered) => { const td = make("td"); td.append(cell(numbered)); tr.append(td); });
      body.append(tr);
    });
    table.append(head, body);
    main.replaceChildren(table);
  }
  if (!seen.flat().length) main.replaceChildren(make("p", "empty", word("empty")));
  const first = find(`[data-cell="${focused}"]`) || find("[data-cell]");
  if (first) first.tabIndex = 0;
  if (focused !== undefined && first) first.focus();
  find(".close").setAttribute("aria-label", word("close"));
  find(".before").setAttribute("aria-label", word("before"));
  find(".after").setAttribute("aria-label", word("after"));
  if (open >= 0) fill();
}

function fill() {
  const one = sweep.cells[open];
  find(".where").textContent = told(open);
  const large = picture(open);
  if (one.image) large.loading = "eager";
  find(".large").style.setProperty("--most", `${3 * (one.width || 0)}px`); // a small picture is not blown up to a blur
  find(".large").replaceChildren(large);
  const list = find("dl");
  list.replaceChildren();
  const values = { ...sweep.base, ...one.recipe };
  if (one.state !== "succeeded") values.state = word(one.state);
  if (one.error) values.error = one.error;
  if (one.seconds !== undefined) values.seconds = String(one.seconds);
  for (const [name, text] of Object.entries(values)) {
    if (text) list.append(make("dt", "", word(name)), make("dd", name in one.recipe ? "differs" : "", text));
  }
  const every = seen.flat(), place = every.indexOf(open);
  find(".before").disabled = place <= 0;
  find(".after").disabled = place < 0 || place >= every.length - 1;
}
function enlarge(numbered) {
  open = numbered;
  fill();
  if (!find("dialog").open) find("dialog").showModal();
}
function step(by) {
  const every = seen.flat(), next = every[every.indexOf(open) + by];
  if (next !== undefined) enlarge(next);
}

function around(key) {
  const current = Number(document.activeElement?.dataset?.cell ?? -1);
  let row = seen.findIndex((line) => line.includes(current)), column = row < 0 ? -1 : seen[row].indexOf(current);
  if (row < 0) return seen[0]?.[0];
  if (rows === null && columns !== null && (key === "ArrowUp" || key === "ArrowDown")) {
    const tops = seen[0].map((numbered) => find(`[data-cell="${numbered}"]`).offsetTop);
    const wide = tops.filter((top) => top === tops[0]).length;
    return seen[0][column + (key === "ArrowUp" ? -wide : wide)];
  }
  if (key === "ArrowLeft") column--;
  if (key === "ArrowRight") column++;
  if (key === "ArrowUp") row--;
  if (key === "ArrowDown") row++;
  if (key === "Home") column = 0;
  if (key === "End") column = seen[row].length - 1;
  return seen[row]?.[column];
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|INPUT)$/.test(event.target.tagName)) return;
  if (find("dialog").open) {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
    return;
  }
  const pages = further();
  if (/^(Arrow|Home|End)/.test(event.key)) {
    const next = find(`[data-cell="${around(event.key)}"]`);
    if (!next) return;
    document.querySelectorAll("[data-cell]").forEach((one) => { one.tabIndex = -1; });
    next.tabIndex = 0;
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  } else if ((event.key === "PageDown" || event.key === "PageUp") && pages.length) {
    turn(pages[0], event.key === "PageDown" ? 1 : -1);
  } else if (event.key === "h" && rows !== null && document.activeElement?.dataset?.cell !== undefined) {
    hide(rows, places(Number(document.activeElement.dataset.cell))[rows]);
  } else if (event.key === "u") reveal();
  else if (event.key === "+" || event.key === "=") resize(1.25);
  else if (event.key === "-") resize(1 / 1.25);
  else return;
  event.preventDefault();
});
let began = null;
find(".large").addEventListener("pointerdown", (event) => { began = event.clientX; });
find(".large").addEventListener("pointerup", (event) => {
  const by = began === null ? 0 : event.clientX - began;
  began = null;
  if (Math.abs(by) > 40) step(by > 0 ? -1 : 1);
});
find(".close").addEventListener("click", () => find("dialog").close());
find(".before").addEventListener("click", () => step(-1));
find(".after").addEventListener("click", () => step(1));
find("dialog").addEventListener("click", (event) => { if (event.target === find("dialog")) find("dialog").close(); });
find("dialog").addEventListener("close", () => {
  const last = find(`[data-cell="${open}"]`);
  open = -1;
  if (last) last.focus();
});

find("h1").textContent = sweep.name;
find(".prompt").textContent = sweep.prompt || "";
find(".facts").textContent = sweep.facts.join("  ·  ");
const widest = Math.max(64, ...sweep.cells.map((one) => one.width || 0));
// On a phone two and a half columns are seen: the half one says that there are more.
edge = Math.round(Math.min(widest, 224, Math.max(96, innerWidth / 2.9)));
resize(1);
draw();
