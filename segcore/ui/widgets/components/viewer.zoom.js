// Zoom, pan, pinch, and the point under the cursor: the same for every picture of a viewer.
// Positions in a picture's box and in the picture itself are shares of its width and height, 0 to 1.
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const TAP = 8; // px that a finger may slip

// `root.point` is {u, v} in the picture, or null; `pointed` is called when it changes.
function interact(root, pointed) {
  const grid = root.querySelector(".grid");
  const view = { x: 0, y: 0, z: 1 };
  const fingers = new Map(); // pointer -> where it is, in px of its box
  root.point = null;

  const draw = () => {
    for (const name of ["x", "y", "z"]) root.style.setProperty(`--${name}`, view[name]);
    root.classList.toggle("zoomed", view.z > 1);
    root.classList.toggle("pointed", !!root.point);
    if (!root.point) return;
    root.style.setProperty("--cx", view.x + root.point.u * view.z);
    root.style.setProperty("--cy", view.y + root.point.v * view.z);
  };
  const move = (x, y, z) => {
    view.z = clamp(z, 1, 12);
    view.x = clamp(x, 1 - view.z, 0);
    view.y = clamp(y, 1 - view.z, 0);
    draw();
  };
  const zoom = (at, z) => {
    const next = clamp(z, 1, 12);
    move(at.x - ((at.x - view.x) / view.z) * next, at.y - ((at.y - view.y) / view.z) * next, next);
  };
  const point = (at) => {
    // A screen reader says what the keyboard reads; what a mouse passes over would never end.
    root.querySelector(".line").ariaLive = grid.matches(":focus") ? "polite" : "off";
    root.point = at && { u: clamp((at.x - view.x) / view.z, 0, 1), v: clamp((at.y - view.y) / view.z, 0, 1) };
    draw();
    pointed();
  };
  const place = (event) => {
    const box = event.target.closest(".box");
    if (!box) return null;
    const area = box.getBoundingClientRect();
    const [left, top] = [event.clientX - area.left, event.clientY - area.top];
    return { x: left / area.width, y: top / area.height, left, top, area, box };
  };
  const pinch = (id, at) => {
    const [other] = [...fingers].filter(([each]) => each !== id).map(([, where]) => where);
    const before = fingers.get(id);
    if (other.box !== at.box || before.box !== at.box) return;
    const span = (one) => Math.hypot(one.left - other.left, one.top - other.top);
    const middle = (one) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
    const [from, to, z] = [middle(before), middle(at), clamp(view.z * (span(at) / Math.max(1, span(before))), 1, 12)];
    move(to.x - ((from.x - view.x) / view.z) * z, to.y - ((from.y - view.y) / view.z) * z, z);
  };

  root.addEventListener("pointermove", (event) => {
    const at = place(event);
    const before = fingers.get(event.pointerId);
    if (at && before) {
      if (fingers.size === 2) pinch(event.pointerId, at);
      else if (view.z > 1) move(view.x + at.x - before.x, view.y + at.y - before.y, view.z);
      fingers.set(event.pointerId, { ...at, start: before.start, slipped: before.slipped || fingers.size > 1 });
    }
    if (event.pointerType === "mouse") point(at);
  });
  root.addEventListener("pointerdown", (event) => {
    const at = place(event);
    grid.blur(); // a click leaves the arrow keys to the page: the next image
    if (at && event.button === 0) fingers.set(event.pointerId, { ...at, start: at });
  });
  root.addEventListener("pointerup", (event) => {
    const [at, down] = [place(event), fingers.get(event.pointerId)];
    fingers.delete(event.pointerId);
    if (!at || !down || event.pointerType === "mouse" || down.slipped) return;
    if (Math.hypot(at.left - down.start.left, at.top - down.start.top) < TAP) point(at);
  });
  root.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  root.addEventListener("pointerleave", (event) => {
    fingers.delete(event.pointerId);
    if (event.pointerType === "mouse") point(null);
  });
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

  // With the keyboard: Tab reaches the pictures, then arrows move the point, + and - zoom at it, 0 shows all.
  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const { u, v } = root.point || { u: 0.5, v: 0.5 };
    const here = { x: view.x + u * view.z, y: view.y + v * view.z };
    const [height, width] = root.size;
    const by = event.shiftKey ? 10 : 1;
    const step = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    const wanted = { "+": view.z * 1.5, "=": view.z * 1.5, "-": view.z / 1.5, 0: 1 }[event.key];
    if (!step && !wanted && event.key !== "Escape") return;
    event.preventDefault(); // the page would scroll
    if (wanted) return zoom(here, wanted);
    if (event.key === "Escape") return point(null);
    const to = { x: here.x + (step[0] / width) * view.z, y: here.y + (step[1] / height) * view.z };
    move(view.x - (to.x - clamp(to.x, 0, 1)), view.y - (to.y - clamp(to.y, 0, 1)), view.z); // keep it in sight
    point({ x: clamp(to.x, 0, 1), y: clamp(to.y, 0, 1) });
  });
  grid.addEventListener("focus", () => {
    if (!grid.matches(":focus-visible")) grid.blur();
    else if (!root.point) point({ x: 0.5, y: 0.5 });
  });
}
