"use strict";
// What a rater sees. The kernel says which question is open and sends its pictures, both in one message, as pixels
// without names; they are shown when all of them can be. Whatever a person wrote is put on the page as text.

function make(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function render({ model, el }) {
  const words = model.get("words"), over = new AbortController(), heard = { signal: over.signal };
  const word = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const root = make("div", "zl-ballot");
  root.tabIndex = -1;
  el.append(root);
  let open = null, waits = true, came = 0, sources = [];

  function button(key, act, kind = "", shown = undefined) {
    const made = make("button", kind, shown ?? word(key));
    made.type = "button";
    made.title = word(`${key}_tip`);
    made.addEventListener("click", act, heard);
    return made;
  }
  const say = (kind, more = {}) => model.send({ kind, ...more });
  function answer(kind, more) {
    if (!open || waits) return;
    waits = true;
    draw();
    say(kind, { question: open.question, ...more });
  }
  const undo = () => { if (!waits) { waits = true; say("undo"); } };

  // who rates, and how
  const name = make("input"), form = make("form", "zl-ballot-form"), names = make("datalist"), ways = make("span", "zl-ballot-row");
  name.maxLength = 100;
  name.autocomplete = "off";
  names.id = `zl-raters-${crypto.randomUUID?.() ?? Math.random()}`;
  name.setAttribute("list", names.id);
  const nameLabel = make("label", "", word("rater"));
  nameLabel.append(name);
  ways.setAttribute("role", "radiogroup");
  ways.setAttribute("aria-label", word("how"));
  const wayInputs = ["pairs", "stars"].map((way) => {
    const label = make("label", "zl-ballot-way"), input = make("input");
    Object.assign(input, { type: "radio", name: names.id, value: way, checked: way === "pairs" });
    label.append(input, word(way));
    ways.append(label);
    return input;
  });
  const begin = make("button", "zl-ballot-main", word("begin"));
  form.append(make("p", "zl-ballot-about", word("about")), nameLabel, ways, begin, names);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say("begin", { rater: name.value, way: wayInputs.find((one) => one.checked).value });
  }, heard);

  // the question
  const asking = make("div"), head = make("div", "zl-ballot-head"), prompt = make("div", "zl-ballot-prompt"), count = make("span");
  const pictures = make("div", "zl-ballot-pictures"), images = [make("img"), make("img")], votes = make("div", "zl-ballot-row zl-ballot-votes");
  count.setAttribute("role", "status");
  const bar = make("div", "zl-ballot-bar"), done = make("div");
  bar.append(done);
  const other = button("other", () => say("leave"), "zl-ballot-quiet");
  head.append(count, other);
  pictures.append(...images);
  const skip = button("skip", () => answer("skip")), back = button("undo", undo);
  const pairVotes = ["left", "tie", "right"].map((said) => button(said, () => answer("answer", { said })));
  const starVotes = [1, 2, 3, 4, 5].map((stars) => button(`star_${stars}`, () => answer("answer", { said: stars }), "", `${stars} · ${word(`star_${stars}`)}`));
  votes.append(...pairVotes, ...starVotes);
  const others = make("div", "zl-ballot-row"), hint = make("div", "zl-ballot-hint");
  others.append(skip, back);
  asking.append(head, bar, prompt, pictures, votes, others, hint);

  // the end, and what went wrong
  const end = make("div", "zl-ballot-end"), thanks = make("p"), endRow = make("div", "zl-ballot-row"), trouble = make("div", "zl-ballot-trouble");
  endRow.append(button("undo", undo), button("other", () => say("leave")));
  thanks.setAttribute("role", "status");
  end.append(thanks, endRow);
  trouble.setAttribute("role", "alert");
  root.append(form, asking, end, trouble);

  function draw() {
    for (const one of [...pairVotes, ...starVotes, skip]) one.disabled = waits;
    back.disabled = waits || !open?.answered;
  }
  function show(part) {
    for (const one of [form, asking, end]) one.hidden = one !== part;
    trouble.textContent = "";
  }
  async function ask(message, buffers) {
    const mine = ++came, old = sources;
    sources = buffers.map((buffer) => URL.createObjectURL(new Blob([buffer], { type: "image/png" })));
    const ready = await Promise.all(sources.map(async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode().catch(() => null);
      return source;
    }));
    if (mine !== came || over.signal.aborted) return;
    const focused = root.contains(document.activeElement);
    open = message;
    waits = false;
    show(asking);
    images.forEach((image, place) => {
      image.hidden = place >= ready.length;
      image.alt = word(ready.length > 1 ? (place ? "right_picture" : "left_picture") : "the_picture");
      if (ready[place]) image.src = ready[place];
    });
    old.forEach((source) => URL.revokeObjectURL(source));
    const pairs = ready.length > 1;
    pictures.classList.toggle("zl-ballot-one", !pairs);
    pairVotes.forEach((one) => (one.hidden = !pairs));
    starVotes.forEach((one) => (one.hidden = pairs));
    count.textContent = word("count", { number: message.number, of: message.of, rater: message.rater });
    done.style.width = `${(100 * message.answered) / message.of}%`;
    prompt.textContent = message.prompt;
    hint.textContent = word(pairs ? "keys_pairs" : "keys_stars");
    draw();
    if (focused && !asking.contains(document.activeElement)) root.focus();
    else if (document.activeElement?.disabled) root.focus();
  }
  const custom = (message, buffers) => {
    waits = false;
    if (message.kind === "question") ask(message, buffers);
    else if (message.kind === "end") {
      open = null;
      came++;
      thanks.textContent = word("thanks", { rater: message.rater, count: message.answered });
      show(end);
    } else if (message.kind === "name") {
      open = null;
      came++;
      names.replaceChildren(...message.raters.map((rater) => new Option(rater)));
      show(form);
    } else if (message.kind === "trouble") {
      trouble.textContent = message.text;
      draw();
    }
  };
  model.on("msg:custom", custom);

  name.addEventListener("keydown", (event) => { // a list of names under it keeps this key to itself
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    form.requestSubmit();
  }, heard);

  const free = (event) => !(event.ctrlKey || event.metaKey || event.altKey) && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  // JupyterLab asks this attribute on the way to what has the focus; keys with Ctrl, Alt or Cmd stay its own.
  window.addEventListener("keydown", (event) => root.contains(event.target) && root.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.metaKey || event.altKey)), { ...heard, capture: true });
  root.addEventListener("keydown", (event) => {
    if (!free(event) || !open) return;
    const pairs = !pairVotes[0].hidden, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const said = pairs ? { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", "=": "tie" }[key] : /^[1-5]$/.test(key) ? Number(key) : undefined;
    if (said !== undefined) answer("answer", { said });
    else if (key === "s") answer("skip");
    else if (key === "u" || key === "Backspace") undo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, heard);
  pictures.addEventListener("click", () => root.focus(), heard);

  show(form);
  say("ask");
  return () => {
    over.abort();
    model.off("msg:custom", custom);
    sources.forEach((source) => URL.revokeObjectURL(source));
  };
}
export default { render };
