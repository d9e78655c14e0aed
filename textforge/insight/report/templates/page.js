"use strict";
// Sort a table by a column: click again for the other direction. Without scripts the tables stay as they are.
for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const column = head.cellIndex;
    const body = head.closest("table").tBodies[0];
    const first = head.dataset.first || "descending";
    const other = first === "descending" ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const one of head.parentNode.cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      return sign * (x !== "" && y !== "" && !isNaN(x) && !isNaN(y) ? x - y : x.localeCompare(y, undefined, { numeric: true }));
    };
    body.append(...[...body.rows].sort(compare));
  });
}
// Name the cell of a large confusion matrix below the pointer.
for (const picture of document.querySelectorAll(".picture")) {
  const { labels, cells } = JSON.parse(picture.querySelector("script").textContent);
  const count = new Map(cells.map(([gold, predicted, n]) => [gold * labels.length + predicted, n]));
  const [svg, output] = [picture.querySelector("svg"), picture.querySelector("output")];
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const place = (at, start, size) => Math.min(labels.length - 1, Math.max(0, Math.floor(((at - start) / size) * labels.length)));
    const gold = place(event.clientY, box.top, box.height);
    const predicted = place(event.clientX, box.left, box.width);
    const n = count.get(gold * labels.length + predicted) ?? 0;
    output.textContent = `gold ${labels[gold]}, predicted ${labels[predicted]}: ${n}`;
  });
}
// Paper has nothing to click.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
