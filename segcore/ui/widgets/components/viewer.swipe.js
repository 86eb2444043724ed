// Two pictures lie in one cell of the grid: the second is clipped at the handle (--split, a share of the width).
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
