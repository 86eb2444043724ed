// A confusion matrix of buttons: a cell picks one kind of mistake, a name all mistakes of its row or column, and the
// picked one again picks nothing. Arrow keys walk. Elements are kept while the classes stay, so focus is not lost.

function build(root, data) {
  root.replaceChildren();
  root.style.setProperty("--n", data.columns.length);
  const corner = make("span", "corner", root);
  corner.innerHTML = "taken for →<br>truth ↓";
  const name = (kind, wanted) => {
    const button = make("button", `name ${kind}`, root);
    make("i", "", button).style.background = wanted.color;
    make("b", "", button).textContent = wanted.name;
    return button;
  };
  const grid = [[null, ...data.columns.map((wanted) => name("column", wanted))]];
  for (const row of data.rows) {
    const line = [name("row", row)];
    for (const _ of row.cells) line.push(make("button", "cell", root));
    grid.push(line);
  }
  grid.flat().forEach((button) => button && (button.type = "button"));
  root.grid = grid;
}

function walk(root, event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  let row = root.grid.findIndex((line) => line.includes(event.target));
  if (row < 0) return;
  let column = root.grid[row].indexOf(event.target);
  event.preventDefault(); // the page would scroll
  do {
    row += step[0];
    column += step[1];
  } while (root.grid[row]?.[column]?.disabled);
  const next = root.grid[row]?.[column];
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function draw({ data: [data], parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".matrix");
  const classes = JSON.stringify([data.columns, data.rows.map((row) => row.name)]);
  if (root.classes !== classes) {
    root.classes = classes;
    build(root, data);
    root.onkeydown = (event) => walk(root, event);
  }
  root.style.setProperty("--hue", data.hue);
  root.classList.toggle("many", data.many);
  const show = (button, wanted) => {
    const picked = wanted.pick !== "" && wanted.pick === data.picked;
    button.title = wanted.title;
    button.ariaLabel = wanted.title;
    button.disabled = !wanted.pick;
    button.ariaPressed = picked;
    button.classList.toggle("picked", picked);
    button.tabIndex = -1;
    button.onclick = () => setTriggerValue("pick", picked ? "-" : wanted.pick);
  };
  data.columns.forEach((wanted, index) => show(root.grid[0][index + 1], wanted));
  data.rows.forEach((row, index) => {
    show(root.grid[index + 1][0], row);
    row.cells.forEach((wanted, place) => {
      const button = root.grid[index + 1][place + 1];
      show(button, wanted);
      button.textContent = wanted.text;
      button.style.setProperty("--value", wanted.value);
      button.classList.toggle("strong", wanted.value > 0.7);
      button.classList.toggle("own", wanted.own);
    });
  });
  const first = root.querySelector(".picked") || root.querySelector("button:not([disabled])");
  if (first) first.tabIndex = 0; // one stop for the tab key; arrows do the rest
}
