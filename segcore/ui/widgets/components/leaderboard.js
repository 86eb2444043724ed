// A leaderboard: intervals drawn in their cells, sortable, filtered by text, rows to choose. Sorting and filtering are
// done here at once; the app is told, so that the link reproduces them.
const make = (tag, className, parent, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  parent?.appendChild(element);
  return element;
};
const percent = (share) => `${(100 * share).toFixed(2)}%`;

function whisker(cell, row, column, [low, high]) {
  const at = (value) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  const track = make("span", "track", cell);
  if (row.low !== null) {
    const bar = make("i", "range", track);
    bar.style.left = percent(at(row.low));
    bar.style.width = percent(at(row.high) - at(row.low));
  }
  make("i", "value", track).style.left = percent(at(row.cells[column.key]));
  cell.title = row.note;
}

function number(value, column) {
  return value === null || value === undefined ? "–" : value.toFixed(column.digits);
}

function compare(key, direction) {
  const missing = (value) => value === null || value === undefined;
  return (one, other) => {
    const [a, b] = [one, other].map((row) => (key === "title" ? row.title.toLowerCase() : row.cells[key]));
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    return direction * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
  };
}

function draw({ data: [data], parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board");
  const [filter, count, best, none] = ["input", ".count", ".best", ".none"].map((each) => root.querySelector(each));
  const [head, table] = [root.querySelector("thead"), root.querySelector("table")];
  // What is typed or sorted here counts until the app sends something else.
  if (root.sent?.sort !== data.sort || root.sent?.filter !== data.filter) {
    root.sort = data.sort;
    if (parentElement.getRootNode().activeElement !== filter) filter.value = data.filter;
  }
  root.sent = { sort: data.sort, filter: data.filter };
  const rows = data.pools.flatMap((pool) => pool.rows);
  const chosen = rows.filter((row) => row.chosen);
  const full = chosen.length >= data.most;
  count.textContent = `${chosen.length} of ${rows.length} chosen` + (rows.length > data.most ? `, at most ${data.most}` : "");
  const put = (name, value) => setTriggerValue(name, value);
  const pick = (row) => put("pick", { id: row.id, on: !row.chosen });
  const few = rows.length <= data.most;
  best.hidden = few ? chosen.length === rows.length : !data.best;
  best.textContent = few ? "all" : `best ${data.most}`;
  best.onclick = () => put("pick", few ? { all: true } : { best: true });
  none.hidden = !chosen.length;
  none.onclick = () => put("pick", { none: true });
  root.querySelector(".search").hidden = rows.length < 5 && !data.filter;
  const held = parentElement.getRootNode().activeElement?.dataset.at; // made anew below: focus goes to what takes its place

  head.replaceChildren();
  const top = make("tr", "", head);
  make("th", "check", top).ariaLabel = "chosen";
  const heads = data.columns.map((column) => {
    const cell = make("th", `${column.kind} ${column.key === "title" ? "name" : ""}`, top);
    const button = make("button", "", cell, column.title);
    button.type = "button";
    cell.title = column.help;
    button.dataset.at = `sort ${column.key}`;
    make("span", "arrow", button);
    button.onclick = () => {
      const falling = column.kind !== "text" && !column.low;
      const first = (falling ? "-" : "") + column.key;
      root.sort = root.sort === first ? (falling ? column.key : `-${column.key}`) : first;
      draw();
      put("sort", root.sort);
    };
    return cell;
  });

  function line(row, pool, body) {
    const line = make("tr", row.chosen ? "chosen" : "", body);
    line.style.setProperty("--run", row.color);
    const check = make("td", "check", line);
    const box = make("input", "", check);
    box.type = "checkbox";
    box.checked = row.chosen;
    box.disabled = full && !row.chosen;
    box.ariaLabel = row.title;
    box.dataset.at = `pick ${row.id}`;
    if (box.disabled) line.title = `At most ${data.most}: untick one first.`;
    box.onchange = () => pick(row);
    line.onclick = (event) => {
      if (event.target !== box && !box.disabled && !parentElement.getRootNode().getSelection?.()?.toString()) pick(row);
    };
    for (const column of data.columns) {
      const cell = make("td", `${column.kind} ${column.key === "title" ? "name" : ""}`, line);
      const value = row.cells[column.key];
      if (column.key === "title") {
        make("i", "dot", cell);
        make("b", "", cell, row.title);
        if (row.sub) make("small", "", cell, row.sub);
        const about = make("button", "about", cell);
        about.type = "button";
        about.title = "Its model and settings";
        about.dataset.at = `about ${row.id}`;
        about.ariaLabel = `${row.title}: its model and settings`;
        about.onclick = (event) => {
          event.stopPropagation();
          put("about", row.id);
        };
      } else if (column.kind === "interval") {
        make("span", "digits", cell, number(value, column));
        const level = make("span", "level", cell, row.level ? "≈" : "");
        if (row.level) level.title = data.levelled;
        if (value !== null && value !== undefined) whisker(cell, row, column, pool.domain);
        else if (row.problem) make("small", "problem", cell, row.problem).title = row.problem;
      } else cell.textContent = column.kind === "text" ? (value ?? "") : number(value, column);
    }
  }

  function draw() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const falling = root.sort.startsWith("-");
    const key = root.sort.replace(/^-/, "");
    data.columns.forEach((column, index) => {
      heads[index].ariaSort = column.key !== key ? "none" : falling ? "descending" : "ascending";
      heads[index].querySelector(".arrow").textContent = column.key !== key ? "" : falling ? " ↓" : " ↑";
    });
    table.querySelectorAll("tbody").forEach((body) => body.remove());
    let shown = 0;
    for (const pool of data.pools) {
      const kept = pool.rows.filter((row) => words.every((word) => row.text.includes(word)));
      if (!kept.length) continue;
      const body = make("tbody", "", table);
      if (pool.title) {
        const title = make("th", "pool", make("tr", "", body), pool.title);
        title.colSpan = data.columns.length + 1;
        title.scope = "rowgroup";
      }
      const order = data.columns.some((column) => column.key === key) ? kept.sort(compare(key, falling ? -1 : 1)) : kept;
      order.forEach((row) => line(row, pool, body));
      shown += kept.length;
    }
    if (!shown) {
      const cell = make("td", "nothing", make("tr", "", make("tbody", "", table)), "No run matches.");
      cell.colSpan = data.columns.length + 1;
    }
  }

  filter.oninput = () => {
    draw();
    clearTimeout(root.timer);
    root.timer = setTimeout(() => put("filter", filter.value), 500);
  };
  draw();
  if (held) [...table.querySelectorAll("[data-at]")].find((one) => one.dataset.at === held)?.focus({ preventScroll: true });
}
