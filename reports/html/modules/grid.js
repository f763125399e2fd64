// A grid of any length: regular-table draws the lines that can be seen; roles, keys and the chosen line are ours.
import { make, shown } from "./dom.js";

const HEIGHT = 28;

// `source` says what is there: count, columns, heading(column) -> {text, order}, cell(line, column) -> {text, class,
// says}, part(line), and what happens: chosen(line), opened(line), sorted(column), turned(line, open).
export class Grid {
    constructor(label, source) {
        this.source = source;
        this.active = 0;
        this.widths = new Map();
        this.element = make("regular-table", { role: "grid", "aria-label": label });
        this.empty = make("p", { class: "empty", hidden: true });
        this.element.addStyleListener(() => this.dress());
        this.element.addEventListener("keydown", (event) => this.key(event));
        this.element.addEventListener("click", (event) => this.click(event));
        new ResizeObserver(() => this.fit()).observe(this.element);
        this.element.setDataListener((...area) => this.data(...area), { virtual_mode: "both" });
    }

    // Draw again after a change of size, the chosen line still in sight.
    fit() {
        if (!this.drawn || !this.element.isConnected) return;
        if (this.active) this.reveal(this.active);
        this.element.draw({ invalid_viewport: true });
    }

    // Show what the source says now; `top` goes back to the first line.
    async draw({ top = false } = {}) {
        this.active = Math.min(top ? 0 : this.active, Math.max(this.source.count - 1, 0));
        if (top) this.element.scrollTop = 0;
        const columns = this.source.columns;
        this.element.restoreColumnSizes(
            Object.fromEntries(columns.map((one, at) => [at, this.widths.get(one.name) ?? one.width])),
        );
        this.empty.hidden = this.source.count > 0;
        await this.element.draw({ invalid_viewport: true });
    }

    // Remember the widths that the person chose, before columns come or go.
    remember() {
        const sizes = this.element.saveColumnSizes();
        this.drawn?.forEach((one, at) => sizes[at] && this.widths.set(one.name, sizes[at]));
        this.element.resetAutoSize({ auto: true, override: true, indices: true });
    }

    data(left, top, right, bottom) {
        const { columns, count } = this.source;
        this.drawn = columns;
        const seen = columns.slice(left, right);
        const lines = Math.min(bottom, count);
        const data = seen.map((one) => {
            const cells = [];
            for (let line = top; line < lines; line++) cells.push(shown(this.source.cell(line, one).text));
            return cells;
        });
        const headings = seen.map((one) => [this.source.heading(one).text]);
        return {
            num_rows: count,
            num_columns: columns.length,
            column_headers: headings,
            data,
            row_height: HEIGHT,
            num_column_headers: 1,
            num_row_headers: 0,
        };
    }

    // Give rows and cells their roles and classes: the library makes a plain table.
    dress() {
        const { source, element } = this;
        element.setAttribute("aria-rowcount", source.count + 1);
        element.setAttribute("aria-colcount", source.columns.length);
        const table = element.querySelector("table");
        if (!table) return;
        table.setAttribute("role", "presentation");
        for (const group of [table.tHead, ...table.tBodies]) group?.setAttribute("role", "rowgroup");
        for (const heading of table.querySelectorAll("thead th")) this.dressHeading(heading);
        element.removeAttribute("aria-activedescendant");
        for (const row of table.querySelectorAll("tbody tr")) this.dressRow(row);
    }

    dressHeading(heading) {
        heading.parentElement.setAttribute("role", "row");
        heading.setAttribute("role", "columnheader");
        const meta = this.element.getMeta(heading);
        const one = this.source.columns[meta?.x ?? -1];
        if (!one) return;
        const { order, says } = this.source.heading(one);
        heading.setAttribute("aria-sort", order ?? "none");
        heading.setAttribute("aria-colindex", meta.x + 1);
        heading.title = says;
        heading.classList.toggle("answer", one.kind === "answer");
        heading.classList.toggle("n", one.kind === "count" || one.kind === "zones");
    }

    dressRow(row) {
        const line = this.element.getMeta(row.cells[0])?.y ?? -1;
        row.setAttribute("role", "row");
        row.setAttribute("aria-rowindex", line + 2);
        row.id = `line-${line}`;
        const chosen = line === this.active;
        row.className = `${chosen ? "chosen" : ""} ${this.source.part(line) ? "part" : ""}`.trim();
        row.setAttribute("aria-selected", chosen);
        if (chosen) this.element.setAttribute("aria-activedescendant", row.id);
        for (const cell of row.cells) {
            const meta = this.element.getMeta(cell);
            const one = this.source.columns[meta?.x ?? -1];
            if (!one || line >= this.source.count) continue;
            const { text, class: name, says } = this.source.cell(line, one);
            cell.setAttribute("role", "gridcell");
            cell.setAttribute("aria-colindex", meta.x + 1);
            dressCell(cell, name);
            if (says) cell.setAttribute("aria-label", says);
            else cell.removeAttribute("aria-label");
            cell.title = says ?? shown(text);
        }
    }

    click(event) {
        const cell = event.target.closest("td, th");
        const meta = cell && this.element.getMeta(cell);
        if (!meta || event.target.classList.contains("rt-column-resize")) return;
        if (cell.tagName === "TH") {
            this.source.sorted(this.source.columns[meta.x]);
            return;
        }
        if (String(getSelection())) return;
        this.choose(meta.y);
        if (cell.classList.contains("every")) this.source.turned(meta.y, null);
        else this.source.opened(meta.y);
    }

    key(event) {
        const page = Math.max(1, Math.floor(this.element.clientHeight / HEIGHT) - 2);
        const last = this.source.count - 1;
        const steps = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page };
        if (event.altKey || event.ctrlKey || event.metaKey || last < 0) return;
        if (event.key in steps) this.choose(Math.max(0, Math.min(last, this.active + steps[event.key])));
        else if (event.key === "Home") this.choose(0);
        else if (event.key === "End") this.choose(last);
        else if (event.key === "Enter" || event.key === " ") this.source.opened(this.active);
        else if (event.key === "+" || event.key === "-") this.source.turned(this.active, event.key === "+");
        else return;
        event.preventDefault();
        event.stopPropagation();
    }

    // Make a line the chosen one, and see to it that it can be seen.
    choose(line) {
        this.active = line;
        this.reveal(line);
        this.element.draw({ invalid_viewport: true });
    }

    reveal(line) {
        const { element } = this;
        const fits = element.clientHeight / HEIGHT - 1;
        const room = Math.max(this.source.count - fits, 0);
        const panel = Math.max(element.scrollHeight - element.clientHeight, 1);
        const first = room * (element.scrollTop / panel);
        let wanted = first;
        if (line < first) wanted = line;
        else if (line > first + fits - 2) wanted = line - fits + 2;
        if (wanted !== first && room) element.scrollTop = Math.ceil((Math.min(wanted, room) / room) * panel);
    }
}

// Cells are used again for other rows; the library's own classes stay.
function dressCell(cell, names) {
    const ours = names ? names.split(" ") : [];
    for (const old of [...cell.classList])
        if (!old.startsWith("rt-") && !ours.includes(old)) cell.classList.remove(old);
    cell.classList.add(...ours);
}
