// Wipes, zooms and moves within `viewer`, which holds the HTML of stage.py. Which pictures are there is for others to say:
// in each layer the one image that is not hidden is shown, and all those shown must be of the same size. Its keys work
// wherever the focus is within `keyboard`.
function startStage(viewer, keyboard = viewer) {
  const find = (selector) => viewer.querySelector(selector);
  const all = (selector) => [...viewer.querySelectorAll(selector)];
  const stage = find(".stage"), slider = find(".wipe"), readout = find("output.zoom");
  const comparisons = all("[data-left]");
  const MOST = 16;
  const KEY_STEP = 48;

  let names = {}, left = "", right = "";
  let zoom = 1, x = 0, y = 0; // x and y: of the image's middle from the stage's, in CSS pixels
  let fitted = true;

  function sizes() {
    const image = find(".layer.left img:not([hidden])");
    return [stage.clientWidth, stage.clientHeight, image?.width || 1, image?.height || 1];
  }

  function fit() {
    const [wide, high, width, height] = sizes();
    const scale = Math.min(wide / width, high / height);
    return scale > 1 ? Math.min(Math.floor(scale), MOST) : scale; // whole steps keep small images crisp
  }

  function place() {
    const [wide, high, width, height] = sizes();
    const roomX = Math.max(0, (width * zoom - wide) / 2), roomY = Math.max(0, (height * zoom - high) / 2);
    x = Math.min(roomX, Math.max(-roomX, x));
    y = Math.min(roomY, Math.max(-roomY, y));
    // Whole pixels, or 100 % would be blurred by half of one.
    stage.style.setProperty("--x", `${Math.round((wide - width * zoom) / 2 + x)}px`);
    stage.style.setProperty("--y", `${Math.round((high - height * zoom) / 2 + y)}px`);
    stage.style.setProperty("--zoom", zoom);
    stage.classList.toggle("large", zoom >= 1);
    stage.classList.toggle("movable", roomX + roomY > 0.5);
    readout.value = `${Math.round(zoom * 100)} %`;
  }

  function zoomTo(wanted, fromX = 0, fromY = 0) { // keeping the image's point at (fromX, fromY) from the middle there
    const target = Math.min(MOST, Math.max(Math.min(1, fit()), wanted));
    x = fromX - (fromX - x) * (target / zoom);
    y = fromY - (fromY - y) * (target / zoom);
    zoom = target;
    fitted = false;
    place();
  }

  function zoomToFit() {
    zoom = fit();
    x = y = 0;
    fitted = true;
    place();
  }

  function wipe() {
    stage.style.setProperty("--wipe", `${slider.value}%`);
  }

  function name() {
    find(".tag.left").textContent = names[left] ?? left;
    find(".tag.right").textContent = names[right] ?? right;
    slider.setAttribute("aria-label", `Wipe between ${names[left] ?? left} and ${names[right] ?? right}`);
  }

  function compare(button) {
    ({ left, right } = button.dataset);
    for (const each of comparisons) each.setAttribute("aria-pressed", each === button);
    for (const layer of all(".layer")) {
      layer.classList.toggle("left", layer.dataset.kind === left);
      layer.classList.toggle("right", layer.dataset.kind === right);
    }
    name();
  }

  // Other images have been shown or hidden; `called` has what their kinds are called, if not by their own word.
  function changed(called = {}) {
    names = called;
    name();
    zoomToFit();
  }

  function wipeTo(share) { // in per cent: 0 shows the right picture alone, 100 the left one
    slider.valueAsNumber = share;
    wipe();
  }

  const actions = {
    in: () => zoomTo(zoom * 1.5),
    out: () => zoomTo(zoom / 1.5),
    one: () => zoomTo(1),
    two: () => zoomTo(2),
    fit: zoomToFit,
  };
  const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  for (const button of comparisons) button.addEventListener("click", () => compare(button));
  for (const button of all("[data-zoom]")) button.addEventListener("click", actions[button.dataset.zoom]);
  slider.addEventListener("input", wipe);

  keyboard.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, [type=search]")) return;
    const action = { "+": "in", "=": "in", "-": "out", "−": "out", 1: "one", 2: "two", 0: "fit" }[event.key];
    const move = event.target === stage && moves[event.key];
    if (!action && !move) return;
    event.preventDefault();
    if (action) actions[action]();
    else [x, y] = [x + move[0] * KEY_STEP, y + move[1] * KEY_STEP];
    place();
  });

  const fromMiddle = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  };

  stage.addEventListener("wheel", (event) => {
    // A page should not stop scrolling because a picture came under the pointer.
    if (!event.ctrlKey && document.activeElement !== stage) return;
    event.preventDefault();
    zoomTo(zoom * Math.exp(-Math.max(-100, Math.min(100, event.deltaY)) / 400), ...fromMiddle(event));
  }, { passive: false });

  const fingers = new Map();
  let wiping = false;
  const spread = () => {
    const [one, two] = [...fingers.values()];
    return Math.hypot(one[0] - two[0], one[1] - two[1]);
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || fingers.size === 2) return;
    const at = fromMiddle(event);
    const divider = (slider.value / 100 - 0.5) * stage.clientWidth;
    wiping = Math.abs(at[0] - divider) < 22 || !stage.classList.contains("movable");
    fingers.set(event.pointerId, at);
    stage.setPointerCapture(event.pointerId);
  });

  stage.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const at = fromMiddle(event);
    const before = fingers.size === 2 && spread();
    fingers.set(event.pointerId, at);
    if (before) {
      const [one, two] = [...fingers.values()];
      zoomTo(zoom * (spread() / before), (one[0] + two[0]) / 2, (one[1] + two[1]) / 2);
    } else if (wiping) {
      slider.valueAsNumber += ((at[0] - last[0]) / stage.clientWidth) * 100;
      wipe();
    } else {
      x += at[0] - last[0];
      y += at[1] - last[1];
      place();
    }
  });

  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }

  new ResizeObserver(() => (fitted ? zoomToFit() : place())).observe(stage);
  compare(comparisons[0]);
  wipe();
  return { changed, wipeTo };
}
