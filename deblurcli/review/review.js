function startReview() {
  const find = (selector) => document.querySelector(selector);
  const data = JSON.parse(find("#data").textContent);
  const photos = data.photos, marks = new Map();
  const stageBox = find(".stage"), cardBox = find(".cards"), captions = find(".captions"), saved = find(".saved");
  const stage = startStage(find(".viewer"), document.body);
  const WORDS = { keep: "keep", redo: "redo", remove: "remove" };
  const kept = `deblur-review:${data.folder}:${data.made}`; // where the browser keeps marks until they are saved

  let shown = []; // numbers of the photos that pass the filters, in their order
  let current = -1, unsaved = false, asking = 0;

  // --- pictures: inside the page, or asked of its server

  function address(number, kind) {
    if (data.served) return `${kind}/${number}`;
    const node = document.getElementById(`pictures-${number}`);
    return node ? node.textContent.split(" ")[{ thumbnail: 0, before: 1, after: 2 }[kind]] : "";
  }

  async function load(number, kind) {
    const image = new Image();
    image.src = address(number, kind);
    image.alt = `${photos[number].name}, ${kind}`;
    image.draggable = false;
    await image.decode();
    [image.width, image.height] = [image.naturalWidth, image.naturalHeight];
    return image;
  }

  async function show(number) {
    const photo = photos[number], ask = ++asking;
    current = number;
    for (const card of cards) card.setAttribute("aria-pressed", card === cards[number]);
    cards[number].scrollIntoView({ block: "nearest" });
    tellMark();
    if (photo.problem) return nothing(photo.name, photo.problem);
    let images;
    try {
      images = await Promise.all([load(number, "before"), load(number, "after")]);
    } catch {
      if (ask === asking) nothing(photo.name, "This picture cannot be shown.");
      return;
    }
    if (ask !== asking) return;
    const [before, after] = images;
    if (before.width !== after.width || before.height !== after.height) {
      return nothing(photo.name, "Before and after differ in size.");
    }
    stageBox.classList.remove("empty");
    stageBox.dataset.photo = number;
    find('[data-kind="before"]').replaceChildren(before);
    find('[data-kind="after"]').replaceChildren(after);
    stage.changed();
    caption();
    const next = shown[shown.indexOf(number) + 1];
    if (data.served && next !== undefined) load(next, "after").catch(() => {}); // so that it is here when it is wanted
  }

  function nothing(name, problem) {
    stageBox.classList.add("empty");
    for (const image of stageBox.querySelectorAll("img")) image.removeAttribute("src");
    write(captions, [name, "strong"], [problem]);
  }

  function caption() {
    const photo = photos[current], lines = [[photo.name, "strong"]];
    if (photo.change !== undefined) {
      lines.push([`Changed by ${levels(photo.change)} in the mean.`]);
      const [, , width, height] = photo.part;
      const whole = width === photo.width && height === photo.height;
      const size = whole || data.served
        ? `the whole photo, ${photo.width}×${photo.height} pixels`
        : `${width}×${height} pixels, where most changed, of ${photo.width}×${photo.height}`;
      lines.push([`Shown: ${size}${data.served ? "" : "; compressed for this page"}.`]);
    }
    write(captions, ...lines);
  }

  function write(box, ...lines) {
    box.replaceChildren(...lines.map(([text, tag = "span"]) => {
      const line = document.createElement("div"), inner = document.createElement(tag);
      inner.textContent = text;
      line.append(inner);
      return line;
    }));
  }

  const levels = (change) => `${change.toFixed(change < 10 ? 2 : 1)} levels of 255`;

  // --- the list

  function makeCard(photo, number) {
    const card = document.createElement("button");
    card.type = "button";
    card.className = "card";
    card.dataset.number = number;
    card.setAttribute("aria-pressed", "false");
    const picture = document.createElement("span"), words = document.createElement("span");
    picture.className = "picture";
    for (const part of ["name", "facts"]) words.append(Object.assign(document.createElement("span"), { className: part }));
    words.querySelector(".name").textContent = photo.name;
    words.querySelector(".facts").append(document.createElement("span"), document.createElement("span"));
    card.append(picture, words);
    return card;
  }

  function tell(number) { // what its card says besides its name
    const photo = photos[number], [change, mark] = cards[number].querySelector(".facts").children;
    change.textContent = photo.problem ? "cannot be shown" : photo.change === undefined ? "" : `changed ${photo.change.toFixed(2)}`;
    mark.className = "mark";
    mark.dataset.mark = marks.get(number) ?? "";
    mark.textContent = WORDS[marks.get(number)] ?? "";
  }

  const cards = photos.map(makeCard);
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      const image = document.createElement("img");
      image.alt = "";
      image.src = address(Number(target.dataset.number), "thumbnail");
      target.querySelector(".picture").replaceChildren(image);
    }
  }, { root: cardBox, rootMargin: "300px" });

  // --- filters

  const filters = { name: find("#find"), mark: find("#marked"), order: find("#order"), side: find("#side"), at: find("#changed") };

  function limit() { // in levels: the slider goes evenly through the photos, not through the levels
    const known = photos.map((photo) => photo.change).filter((change) => change !== undefined).sort((a, b) => a - b);
    if (!known.length) return undefined;
    return known[Math.round(filters.at.valueAsNumber * (known.length - 1))];
  }

  function filter() {
    const least = filters.side.value === "least", at = limit();
    const all = least ? filters.at.valueAsNumber === 0 : filters.at.valueAsNumber === 1;
    const text = filters.name.value.toLowerCase();
    const passes = (photo, number) =>
      (!text || photo.name.toLowerCase().includes(text)) &&
      (filters.mark.value === "any" || (marks.get(number) ?? "") === filters.mark.value) &&
      (all || (photo.change !== undefined && (least ? photo.change >= at : photo.change <= at)));
    shown = photos.map((_, number) => number).filter((number) => passes(photos[number], number));
    const sign = { most: -1, least: 1 }[filters.order.value];
    if (sign) shown.sort((a, b) => sign * ((photos[a].change ?? Infinity * sign) - (photos[b].change ?? Infinity * sign)) || a - b);
    const wanted = shown.map((number) => cards[number]);
    // Only if they are others, as this forgets where the list was scrolled to.
    if (wanted.length !== cardBox.children.length || wanted.some((card, place) => card !== cardBox.children[place])) {
      cardBox.replaceChildren(...wanted);
    }
    find("#limit").value = at === undefined ? "not measured yet" : all ? "any" : levels(at);
    const missing = data.served ? photos.filter((photo) => photo.change === undefined && !photo.problem).length : 0;
    find("#count").textContent = `${shown.length} of ${photos.length} photos` + (missing ? `; ${missing} still to be measured` : "");
  }

  filters.side.addEventListener("change", () => {
    filters.at.valueAsNumber = filters.side.value === "least" ? 0 : 1;
  });
  for (const each of Object.values(filters)) {
    for (const event of ["input", "change"]) each.addEventListener(event, filter);
  }

  function step(by) {
    if (!shown.length) return;
    const place = shown.indexOf(current);
    show(shown[place < 0 ? 0 : Math.min(Math.max(place + by, 0), shown.length - 1)]);
  }

  // --- marks

  function mark(word) {
    if (current < 0) return;
    if (word) marks.set(current, word);
    else marks.delete(current);
    tell(current);
    tellMark();
    unsaved = true;
    keepMarks();
    if (word) step(1);
  }

  function tellMark() {
    for (const button of document.querySelectorAll("button[data-mark]")) {
      button.setAttribute("aria-pressed", button.dataset.mark === (marks.get(current) ?? ""));
    }
    const count = (word) => [...marks.values()].filter((each) => each === word).length;
    const counts = Object.keys(WORDS).map((word) => `${count(word)} ${word}`).join(", ");
    saved.value = `${counts}${unsaved ? " – not saved" : ""}`;
  }

  // The same as `marks_text` in marks.py.
  function marksText() {
    const entry = (number) => {
      const { name, before, after, stamp } = photos[number];
      return { name, before, after, stamp, mark: marks.get(number) };
    };
    const sorted = [...marks.keys()].sort((a, b) => a - b).map(entry);
    const { format, version, folder } = data;
    return `${JSON.stringify({ format, version, folder, photos: sorted }, null, 1)}\n`;
  }

  async function keepMarks() {
    if (!data.served) {
      try {
        localStorage.setItem(kept, JSON.stringify([...marks]));
      } catch { /* a browser that keeps nothing; saving still works */ }
      return;
    }
    try {
      const answer = await fetch("marks", { method: "PUT", body: JSON.stringify([...marks]) });
      unsaved = !answer.ok;
      if (!answer.ok) write(captions, [await answer.text(), "strong"]);
    } catch {
      write(captions, ["The program that serves this page has ended; marks are not saved any more.", "strong"]);
    }
    tellMark();
  }

  function save() {
    if (data.served) return keepMarks();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([marksText()], { type: "application/json" }));
    link.download = data.marksName;
    link.click();
    URL.revokeObjectURL(link.href);
    unsaved = false;
    tellMark();
  }

  function recall() {
    let earlier = Object.entries(data.marks);
    try {
      if (!data.served) earlier = JSON.parse(localStorage.getItem(kept)) ?? [];
    } catch { /* nothing was kept */ }
    for (const [number, word] of earlier) if (WORDS[word] && photos[number]) marks.set(Number(number), word);
    unsaved = !data.served && marks.size > 0;
  }

  find("#save").addEventListener("click", save);
  if (data.served) find("#save").hidden = true;
  for (const button of document.querySelectorAll("button[data-mark]")) {
    button.addEventListener("click", () => mark(button.dataset.mark));
  }
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });

  // --- keys

  const slider = find(".wipe");
  const keys = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    b: () => stage.wipeTo(slider.valueAsNumber > 50 ? 0 : 100),
    k: () => mark("keep"),
    r: () => mark("redo"),
    x: () => mark("remove"),
    u: () => mark(""),
  };

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select, [type=search]")) return;
    if (key.startsWith("Arrow") && (target === stageBox || target.matches("[type=range]"))) return;
    const action = keys[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  cardBox.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    if (card) show(Number(card.dataset.number));
  });

  // --- what a server measures meanwhile

  async function listen(from = 0) {
    let news;
    try {
      news = await (await fetch(`measured?from=${from}`)).json();
    } catch {
      return; // it has ended
    }
    for (const [number, found] of news.found) {
      Object.assign(photos[number], found);
      tell(number);
      if (number === current && !photos[number].problem) caption();
    }
    if (news.found.length) filter();
    if (from + news.found.length < photos.length) setTimeout(() => listen(from + news.found.length), 1000);
  }

  recall();
  for (const card of cards) near.observe(card);
  for (const number of photos.keys()) tell(number);
  filter();
  tellMark();
  step(0);
  if (data.served) listen();
}

startReview();
