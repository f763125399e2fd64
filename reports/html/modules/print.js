// Printing: what is shown is what is printed, with the state of the run, the filter and a line to sign.
import { find, formatted, make, shown } from "./dom.js";

const MOST = 2000; // rows on paper: all are in the CSV

// Prepare the page for paper. `explorer()` is the view of rows that is shown, or null.
export function preparePrint(explorer) {
    const paper = find("#paper");
    matchMedia("print").addEventListener("change", ({ matches }) => {
        const view = matches && explorer();
        const row = view && !find("#drawer").hidden;
        document.body.dataset.print = row ? "row" : view ? "rows" : "summary";
        paper.replaceChildren(...(view && !row ? rows(view) : []));
    });
}

function rows({ lines, view, filterText }) {
    const columns = lines.columns.filter(({ kind }) => kind !== "pick");
    const count = Math.min(lines.length, MOST);
    const head = make("tr", {}, columns.map(({ label }) => make("th", { scope: "col" }, label)));
    const body = Array.from({ length: count }, (_, line) =>
        make(
            "tr",
            {},
            columns.map((column) => {
                const { text, label } = lines.cell(line, column);
                return make("td", {}, shown(label && label !== "no" ? label : text));
            }),
        ),
    );
    const left = lines.length > count ? `; the other ${formatted(lines.length - count)} are in the CSV` : "";
    return [
        make("h2", {}, view.title),
        make("p", {}, shown(`Filter: ${filterText}. ${formatted(count)} of ${formatted(lines.length)} rows${left}.`)),
        make("table", {}, make("thead", {}, head), make("tbody", {}, body)),
    ];
}
