// What stands at the point: the true class, where that is, and every model's answer, in one line below the pictures.
// Ids come as planes: deflated rows of bytes, each row as the difference to the one above (encode_plane).
const VOID = 255;

// A plane with its `values`, once they are unpacked; the same plane is unpacked once.
async function unpack(plane) {
  if (!plane || plane.values) return;
  const bytes = Uint8Array.from(atob(plane.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = new Uint8Array(await new Response(stream).arrayBuffer());
  for (let at = plane.width; at < values.length; at++) values[at] += values[at - plane.width]; // modulo 256
  plane.values = values;
}

const valueAt = ({ values, height, width }, { u, v }) =>
  values[Math.min(height - 1, Math.floor(v * height)) * width + Math.min(width - 1, Math.floor(u * width))];

// Planes that were there before keep what was unpacked of them.
function keep(readings, before) {
  const known = new Map(before.flatMap((each) => [each.ids, each.confidence]).filter(Boolean).map((one) => [one.data, one]));
  const kept = (plane) => plane && (known.get(plane.data) || plane);
  return readings.map((each) => ({ ...each, ids: kept(each.ids), confidence: kept(each.confidence) }));
}

function line(root, readings) {
  const output = root.querySelector(".line");
  output.hidden = !readings.length;
  output.replaceChildren();
  root.items = readings.map((each) => {
    const item = make("span", "", output);
    const dot = make("i", "", item);
    dot.style.background = each.color || "";
    dot.hidden = !each.color;
    const title = make("b", "", item);
    title.textContent = title.title = each.title;
    return { swatch: make("u", "", item), answer: make("em", "", item), sure: make("small", "", item) };
  });
  if (readings.length) root.where = make("small", "where", make("span", "", output)); // an item of its own: names may be long
}

function say(root) {
  const { point, readings, names, colors } = root;
  if (!readings.length) return;
  const ready = readings.every(({ ids, confidence }) => (!ids || ids.values) && (!confidence || confidence.values));
  if (point && !ready) {
    Promise.all(readings.flatMap((each) => [unpack(each.ids), unpack(each.confidence)])).then(
      () => root.readings === readings && say(root)
    );
    return;
  }
  const found = readings.map((each) => (point && each.ids ? valueAt(each.ids, point) : null));
  root.items.forEach(({ swatch, answer, sure }, index) => {
    const [id, { confidence }] = [found[index], readings[index]];
    const wrong = index > 0 && id !== null && found[0] !== null && found[0] !== VOID && id !== found[0];
    swatch.hidden = id === null;
    swatch.style.background = id === null ? "" : colors[id] || "";
    swatch.classList.toggle("void", id === VOID);
    answer.textContent = answer.title = id === null ? "–" : names[id] || (id === VOID ? root.unscored : `class ${id}`);
    answer.classList.toggle("wrong", wrong);
    sure.textContent = id !== null && confidence ? (valueAt(confidence, point) / 100).toFixed(2) : "";
  });
  const [height, width] = root.size;
  const pixel = (share, size) => Math.min(size - 1, Math.floor(share * size));
  root.where.textContent = point ? `x ${pixel(point.u, width)}, y ${pixel(point.v, height)}` : "point at a picture";
}
