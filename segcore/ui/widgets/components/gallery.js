// Thumbnails; the mask shows on hover (or always), a click picks. Kept elements, so nothing blinks on a rerun.
// Under a picture stands its id, or else a title with a line of its own for the note. A second layer, where there is
// one, takes the place of the first on hover.

function item(root) {
  const button = make("button", "", root);
  button.type = "button";
  const box = make("div", "box", button);
  const photo = make("img", "photo", box);
  const layer = make("img", "layer", box);
  const second = make("img", "second", box);
  photo.alt = layer.alt = second.alt = "";
  const line = make("span", "", button);
  const label = make("em", "", line);
  line.append(" "); // so that the name and the note are two words to a screen reader
  return { button, box, photo, layer, second, label, note: make("em", "", line) };
}

function draw({ data: [data], parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery");
  root.items ??= [];
  root.style.setProperty("--aspect", data.aspect);
  root.style.setProperty("--min", data.min);
  for (const [name, on] of [["on", data.overlay], ["exact", data.exact], ["swap", data.swap]])
    root.classList.toggle(name, on);
  while (root.items.length > data.items.length) root.items.pop().button.remove();
  data.items.forEach((wanted, index) => {
    const own = root.items[index] || (root.items[index] = item(root));
    source(own.photo, wanted.photo);
    source(own.layer, wanted.layer);
    source(own.second, wanted.hover);
    own.box.classList.toggle("waiting", wanted.waiting);
    own.button.classList.toggle("selected", wanted.id === data.selected);
    own.button.classList.toggle("titled", !!wanted.title);
    own.button.ariaCurrent = wanted.id === data.selected ? "true" : null;
    own.button.ariaLabel = wanted.title ? null : `Open ${wanted.id} ${wanted.note || ""}`.trim();
    own.label.textContent = own.label.title = wanted.title || wanted.id;
    own.note.textContent = own.note.title = wanted.note || "";
    own.button.title = wanted.hint || "";
    own.button.onclick = () => setTriggerValue("pick", wanted.id);
  });
}
