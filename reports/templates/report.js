"use strict";
// Filters the rows of a table by what is typed above it. The page is whole without it.
for (const box of document.querySelectorAll("input[data-table]")) {
  const body = document.getElementById(box.dataset.table).tBodies[0];
  const count = box.parentElement.querySelector("output");
  box.hidden = false;
  box.parentElement.hidden = false;
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    count.textContent = wanted.length ? `${shown} of ${body.rows.length} rows` : "";
  });
}
