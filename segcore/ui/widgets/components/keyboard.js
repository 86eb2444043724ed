// The keys of a page: they act wherever the focus is, but not while somebody types. `?` lists them. The place to which
// a page was scrolled is kept by its address, and taken again when the browser goes back to it.
const TYPING = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [role=combobox], [contenteditable=true]";
const RESTORING = 20000; // ms after Back in which a page that still fills is scrolled to where it was
const main = () => document.querySelector('[data-testid="stMain"]');
const place = () => `segcore:scroll:${location.pathname}${location.search}`;

function draw({ data: [data], parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".keyboard");
  const [dialog, list, opener] = ["dialog", "dl", ".open"].map((name) => root.querySelector(name));
  list.replaceChildren();
  for (const { shown, text } of data.keys) {
    make("dt", "", list).append(...shown.map((key) => Object.assign(document.createElement("kbd"), { textContent: key })));
    make("dd", "", list).textContent = text;
  }
  const toggle = () => (dialog.open ? dialog.close() : dialog.showModal());
  opener.onclick = toggle;
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  const acting = new Set(data.keys.flatMap(({ acts }) => acts));

  root.off?.abort();
  root.off = new AbortController();
  const on = (target, name, act) => target?.addEventListener(name, act, { signal: root.off.signal, passive: true });
  on(document, "keydown", (event) => {
    const [target] = event.composedPath();
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.(TYPING)) return;
    if (event.key === "?") toggle();
    else if (!dialog.open && acting.has(event.key)) setTriggerValue("press", event.key);
  });
  on(document, "click", ({ target }) => target.matches?.(".sc-code > button") && copyBlock(target));
  // Kept when somebody acts: a scroll event may come of the next page, which begins at its top, under this address.
  const keep = () => sessionStorage.setItem(place(), main().scrollTop);
  for (const name of ["pointerdown", "keydown"]) on(document, name, keep);
  on(window, "popstate", () => restore(root));
  return () => root.off.abort();
}

function restore(root) {
  const until = performance.now() + RESTORING;
  const stop = () => (root.restoring = false);
  root.restoring = true;
  for (const name of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(name, stop, { once: true });
  const step = () => {
    if (!root.restoring) return;
    const top = sessionStorage.getItem(place()); // asked each time: the address is whole a moment later
    if (top !== null && main().scrollTop !== Number(top)) main().scrollTop = top;
    if (performance.now() < until) requestAnimationFrame(step);
    else stop();
  };
  step();
}
