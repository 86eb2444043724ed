// Pictures side by side: one photo with one colour layer each, same zoom, same pan, same point under the cursor.
// Called again on every rerun with new data: elements are kept, so the old picture stays until the new one is there.
// To swipe, two panels lie in one cell of the grid: the second is clipped at the handle (--split, a share of the width).
const make = (tag, className, parent) => {
  const element = document.createElement(tag);
  element.className = className;
  parent.appendChild(element);
  return element;
};
const source = (image, uri) => {
  image.hidden = !uri;
  if (uri && image.getAttribute("src") !== uri) image.src = uri;
};
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function panel(grid) {
  const figure = make("figure", "", grid);
  const box = make("div", "box", figure);
  const stack = make("div", "stack", box);
  const photo = make("img", "photo", stack);
  const layer = make("img", "layer", stack);
  photo.decoding = layer.decoding = "sync";
  photo.draggable = layer.draggable = false;
  const empty = make("div", "empty", box);
  make("div", "cross", box);
  const caption = make("figcaption", "", figure);
  const [dot, title, note] = ["i", "b", "span"].map((tag) => make(tag, "", caption));
  return { figure, photo, layer, empty, dot, title, note };
}

function interact(root) {
  const view = { x: 0, y: 0, z: 1 };
  const move = (x, y, z) => {
    view.z = clamp(z, 1, 12);
    view.x = clamp(x, 1 - view.z, 0);
    view.y = clamp(y, 1 - view.z, 0);
    for (const name of ["x", "y", "z"]) root.style.setProperty(`--${name}`, view[name]);
    root.classList.toggle("zoomed", view.z > 1);
  };
  const zoom = (at, z) => {
    const next = clamp(z, 1, 12);
    move(at.x - ((at.x - view.x) / view.z) * next, at.y - ((at.y - view.y) / view.z) * next, next);
  };
  const place = (event) => {
    const box = event.target.closest(".box");
    if (!box) return null;
    const area = box.getBoundingClientRect();
    return { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height, area };
  };
  let drag = null;
  root.addEventListener("pointermove", (event) => {
    const at = place(event);
    root.classList.toggle("hover", !!at && event.pointerType === "mouse");
    if (at) {
      root.style.setProperty("--cx", at.x);
      root.style.setProperty("--cy", at.y);
    }
    if (at && drag)
      move(view.x + (event.clientX - drag.x) / at.area.width, view.y + (event.clientY - drag.y) / at.area.height, view.z);
    if (drag) drag = { x: event.clientX, y: event.clientY };
  });
  root.addEventListener("pointerleave", () => root.classList.remove("hover"));
  root.addEventListener("pointerdown", (event) => {
    if (view.z > 1 && place(event)) drag = { x: event.clientX, y: event.clientY };
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) root.addEventListener(name, () => (drag = null));
  root.addEventListener("dblclick", (event) => {
    const at = place(event);
    if (at) view.z > 1 ? move(0, 0, 1) : zoom(at, 3);
  });
  root.addEventListener("wheel", (event) => {
    const at = place(event);
    if (!at || !(event.ctrlKey || event.metaKey)) return; // a plain wheel scrolls the page
    event.preventDefault();
    zoom(at, view.z * Math.exp(-event.deltaY / 240));
  }, { passive: false });
}

function swipe(root, handle) {
  let split = 0.5;
  let grip = null; // where the handle was taken: it must not jump under the finger
  const place = (value) => {
    split = clamp(value, 0, 1);
    root.style.setProperty("--split", split);
    handle.ariaValueNow = Math.round(split * 100);
  };
  const share = (event) => {
    const area = handle.parentElement.getBoundingClientRect();
    return (event.clientX - area.left) / area.width;
  };
  handle.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    handle.setPointerCapture(event.pointerId);
    grip = share(event) - split;
  });
  handle.addEventListener("pointermove", (event) => grip !== null && place(share(event) - grip));
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
    handle.addEventListener(name, () => (grip = null));
  handle.addEventListener("dblclick", () => place(0.5));
  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const wanted = { ArrowLeft: split - step, ArrowDown: split - step, ArrowRight: split + step, ArrowUp: split + step,
      PageDown: split - 0.1, PageUp: split + 0.1, Home: 0, End: 1 }[event.key];
    if (wanted === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault(); // the page would scroll
    place(wanted);
  });
  place(split);
}

export default function ({ data: [data], parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  const bar = root.querySelector(".bar");
  const slider = root.querySelector("input");
  const grid = root.querySelector(".grid");
  const handle = root.querySelector(".handle");
  if (!root.panels) {
    root.panels = [];
    interact(root);
    swipe(root, handle);
  }
  const show = (value) => {
    root.style.setProperty("--opacity", value / 100);
    root.querySelector("output").textContent = `${value} %`;
  };
  if (data.opacity !== root.given) {
    root.given = data.opacity;
    slider.value = Math.round(data.opacity * 100);
  }
  show(slider.value);
  slider.oninput = () => show(slider.value);
  slider.onchange = () => setStateValue("opacity", slider.value / 100);
  bar.hidden = !data.slider;

  root.style.setProperty("--aspect", data.aspect);
  root.style.setProperty("--min", data.min);
  root.classList.toggle("swipe", data.swipe);
  handle.ariaLabel = data.swipe ? `Swipe between ${data.panels[0].title} and ${data.panels[1].title}` : null;
  while (root.panels.length > data.panels.length) root.panels.pop().figure.remove();
  data.panels.forEach((wanted, index) => {
    const own = root.panels[index] || (root.panels[index] = panel(grid));
    source(own.photo, wanted.photo === null ? null : data.photos[wanted.photo]);
    source(own.layer, wanted.layer);
    own.layer.alt = wanted.layer ? `${wanted.title} mask` : "";
    own.photo.alt = wanted.photo === null ? "" : `${wanted.title} photo`;
    own.layer.classList.toggle("fixed", wanted.fixed);
    own.layer.classList.toggle("exact", wanted.fixed);
    own.empty.textContent = wanted.problem || "";
    own.dot.style.background = wanted.color || "";
    own.dot.hidden = !wanted.color;
    own.title.textContent = own.title.title = wanted.title;
    own.note.textContent = wanted.note || "";
  });

  const key = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const busy = event.composedPath()[0].closest?.("input, textarea, select, [role=slider], [role=combobox], [role=tab], [role=radio]");
    if (step && !busy && !event.ctrlKey && !event.metaKey && !event.altKey) setTriggerValue("step", step);
  };
  if (root.listener) document.removeEventListener("keydown", root.listener);
  root.listener = data.keys ? key : null;
  if (root.listener) document.addEventListener("keydown", root.listener);
  return () => root.listener && document.removeEventListener("keydown", root.listener);
}
