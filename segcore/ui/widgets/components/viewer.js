// Pictures side by side: one photo with one colour layer each, same zoom, same pan, same point under the cursor.
// Called again on every rerun with new data: elements are kept, so the old picture stays until the new one is there.

function panel(grid) {
  const figure = make("figure", "", grid);
  const box = make("div", "box", figure);
  const stack = make("div", "stack", box);
  const photo = make("img", "photo", stack);
  const layer = make("img", "layer", stack);
  const canvas = make("canvas", "", stack);
  photo.decoding = layer.decoding = "sync";
  photo.draggable = layer.draggable = false;
  const empty = make("div", "empty", box);
  make("div", "cross", box);
  const caption = make("figcaption", "", figure);
  const [dot, title, note] = ["i", "b", "span"].map((tag) => make(tag, "", caption));
  return { figure, photo, layer, canvas, empty, dot, title, note };
}

function fill(own, wanted, photos) {
  source(own.photo, wanted.photo === null ? null : photos[wanted.photo]);
  source(own.layer, wanted.layer);
  own.canvas.hidden = !wanted.doubt;
  own.figure.classList.toggle("doubt", Boolean(wanted.doubt)); // its note is a sentence
  own.layer.alt = wanted.layer ? `${wanted.title} mask` : "";
  own.photo.alt = wanted.photo === null ? "" : `${wanted.title} photo`;
  own.layer.classList.toggle("fixed", wanted.fixed);
  own.layer.classList.toggle("exact", wanted.fixed);
  own.empty.textContent = wanted.problem || "";
  own.dot.style.background = wanted.color || "";
  own.dot.hidden = !wanted.color;
  own.title.textContent = own.title.title = wanted.title;
  own.note.textContent = own.note.title = wanted.note || "";
}

// A slider in the bar: moves at once, and keeps its value (in the link) when it is let go.
function knob(label, name, value, root, moved, settled) {
  const input = label.querySelector("input");
  root.given ??= {};
  label.hidden = value === null;
  if (value === null) return;
  if (root.given[name] !== value) input.value = Math.round(value * 100);
  root.given[name] = value;
  const show = () => {
    label.querySelector("output").textContent = moved(input.value / 100);
  };
  input.oninput = show;
  input.onchange = () => settled(name, input.value / 100);
  show();
}

// Where one row can't hold all, the models begin in one of their own; the key fills the gap that this leaves, or else
// the end of the last row.
function arrange(root) {
  const { grid, key, panels, lead } = root;
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const models = panels.length - lead;
  const gap = lead && lead < columns && panels.length > columns ? columns - lead : 0;
  const rest = (columns - ((gap ? models : panels.length) % columns)) % columns;
  panels.forEach(({ figure }, index) => {
    figure.style.gridColumnStart = gap && index === lead ? 1 : "";
    figure.style.order = index < lead ? 0 : 2;
  });
  key.style.order = gap ? 1 : 3;
  key.style.gridColumn = gap ? `span ${gap}` : rest ? `span ${rest}` : "1 / -1";
  key.classList.toggle("row", !gap && !rest);
}

function legend(key, entries) {
  key.hidden = !entries.length;
  key.replaceChildren();
  for (const { text, background } of entries) {
    const entry = make("span", "", key);
    make("u", "", entry).style.background = background;
    entry.append(text);
  }
}

function draw({ data: [data], parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  const [grid, handle, key] = [".grid", ".handle", ".key"].map((name) => root.querySelector(name));
  if (!root.panels) {
    Object.assign(root, { panels: [], readings: [], grid, key });
    interact(root, () => say(root));
    swipe(root, handle);
    new ResizeObserver(() => arrange(root)).observe(grid);
  }
  Object.assign(root, { size: data.size, lead: data.lead, names: data.names, colors: data.colors });
  Object.assign(root, { unscored: data.unscored, ramp: data.ramp, mark: data.mark });
  root.style.setProperty("--aspect", `${data.size[1]} / ${data.size[0]}`);
  root.style.setProperty("--min", data.min);
  root.classList.toggle("swipe", data.swipe);
  handle.ariaLabel = data.swipe ? `Swipe between ${data.panels[0].title} and ${data.panels[1].title}` : null;
  while (root.panels.length > data.panels.length) root.panels.pop().figure.remove();
  data.panels.forEach((wanted, index) => {
    fill(root.panels[index] || (root.panels[index] = panel(grid)), wanted, data.photos);
  });
  legend(key, data.key);
  arrange(root);

  root.readings = keep(data.readings, root.readings);
  line(root, root.readings);
  say(root);
  if (root.readings.length) grid.tabIndex = 0;
  else grid.removeAttribute("tabindex");
  grid.ariaLabel = root.readings.length ? "Pictures. Arrow keys move the point that is read, + and - zoom at it." : null;

  data.panels.forEach((wanted, index) => {
    root.panels[index].doubt = wanted.doubt ? root.readings.find((each) => each.name === wanted.doubt) : null;
  });
  const [opacity, threshold] = root.querySelectorAll(".bar label");
  knob(opacity, "opacity", data.opacity, root, (value) => {
    root.style.setProperty("--opacity", value);
    return `${Math.round(100 * value)} %`;
  }, setStateValue);
  knob(threshold, "threshold", data.threshold, root, (value) => {
    for (const own of root.panels) if (own.doubt) paint(root, own, own.doubt, root.readings[0], value);
    return value.toFixed(2);
  }, setStateValue);

  const listen = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const [target] = event.composedPath();
    const busy = target === grid || target.closest?.("input, textarea, select, [role=slider], [role=combobox], [role=tab], [role=radio]");
    if (step && !busy && !event.ctrlKey && !event.metaKey && !event.altKey) setTriggerValue("step", step);
  };
  if (root.listener) document.removeEventListener("keydown", root.listener);
  root.listener = data.keys ? listen : null;
  if (root.listener) document.addEventListener("keydown", root.listener);
  return () => root.listener && document.removeEventListener("keydown", root.listener);
}
