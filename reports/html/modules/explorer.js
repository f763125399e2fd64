// One view of rows: what the address asks for is filtered, drawn, counted and saved as CSV.
import { write } from "./address.js";
import { conditions } from "./conditions.js";
import { csv, download } from "./csv.js";
import { counted, find, say, shown } from "./dom.js";
import { Grid } from "./grid.js";
import { showTexts } from "./dialogs.js";
import { Lines } from "./grid_lines.js";
import { select } from "./query.js";
import { reachFilters } from "./reach.js";
import { table } from "./tables.js";
import { EVERY, Toolbar } from "./toolbar.js";

export class Explorer {
    // `go(address)` leads to another address; with `replace` it adds no step to the history.
    constructor(id, view, run, go) {
        Object.assign(this, { id, view, run, go });
    }

    // Load the table and make the controls, once.
    async ready() {
        this.table ??= await (this.view.load ?? table)(this.view.table);
        this.lines ??= new Lines(this.table, this.view);
        if (this.toolbar) return;
        this.grid = new Grid(this.view.title, this.source());
        this.toolbar = new Toolbar(this.view, this.table, this.lines, {
            change: (...change) => this.change(...change),
            choose: (...choice) => this.choose(...choice),
            toggle: (...column) => this.toggle(...column),
            export: (...what) => this.export(...what),
            unpick: () => this.unpick(),
            save: () => this.save(),
        });
    }

    // Show the rows that a state of the address asks for.
    async show(state) {
        const first = !this.state;
        await this.ready();
        this.state = state;
        const requested = write({ ...state, row: null });
        if (requested === this.requested && !first) return;
        this.requested = requested;
        this.lines.show(state.columns);
        this.grid.setWidths(state.widths);
        await this.filter();
        this.toolbar.update(state, this.selected, this.conditions);
        this.grid.empty.textContent = this.emptyText();
        await this.grid.draw({ top: true });
    }

    async filter() {
        const { state, table: all, view } = this;
        const terms = new Map([...state.terms].filter(([name]) => all.column(name)));
        const { folded } = view;
        if (folded && !terms.has(folded.column)) terms.set(folded.column, new Set(folded.shown));
        else if (folded && terms.get(folded.column).has(EVERY)) terms.delete(folded.column);
        const filters = await reachFilters(all, state.terms);
        this.conditions = this.readConditions();
        this.selected = select(all, { terms, filters, conditions: this.conditions, facets: view.facets });
        this.toolbar.valid(!this.invalid);
        this.terms = new Map([...terms, ...[...filters.keys()].map((name) => [name, state.terms.get(name)])]);
        this.lines.take(this.selected.rows, { sort: state.sort || view.order || "", group: state.group });
    }

    // A regular expression that is none filters nothing, and the page says so.
    readConditions() {
        this.invalid = false;
        try {
            return conditions(this.state, this.table, this.view);
        } catch (error) {
            if (!(error instanceof SyntaxError)) throw error;
            this.invalid = true;
            return [];
        }
    }

    emptyText() {
        const filtered = this.state.terms.size || this.state.words;
        const read = `${this.run.caveat ? `${this.run.caveat}; ` : ""}${this.run.seen}`;
        if (this.table.rows && filtered) {
            const { folded } = this.view;
            const hidden = folded ? this.selected.kept.get(folded.column) : 0;
            const more = hidden ? ` ${counted(hidden, "row")} ${folded.words} would match, and ${hidden === 1 ? "is" : "are"} hidden.` : "";
            const wanted = [...this.state.terms, ...(this.state.words ? [["words"]] : [])];
            return `No row matches ${wanted.length > 1 || this.conditions.length > 1 ? "all filters" : "the filter"}: ${read}.${more}`;
        }
        if (this.table.rows) return `${this.view.empty}: all rows are hidden.`;
        return `${this.view.empty}: ${this.run.seen}.`;
    }

    choose(name, value, on) {
        const terms = new Map([...this.state.terms].map(([column, values]) => [column, new Set(values)]));
        const values = terms.get(name) ?? new Set();
        if (on) values.add(value);
        else values.delete(value);
        if (values.size) terms.set(name, values);
        else terms.delete(name);
        this.change({ terms });
    }

    change(part, replace = false) {
        this.go(write({ ...this.state, row: null, ...part }), replace);
    }

    toggle(name, visible) {
        if (visible) this.lines.hidden.delete(name);
        else this.lines.hidden.add(name);
        this.change({ columns: this.lines.shown, row: this.state.row }, true);
    }

    // Keep the widths that the user set in the address.
    resized() {
        if (!this.lines.groups) this.change({ widths: this.grid.changedWidths(), row: this.state.row }, true);
    }

    unpick() {
        this.lines.picked.clear();
        this.toolbar.updateSelection();
        this.grid.draw();
    }

    pick(line) {
        const { lines, view } = this;
        if (lines.groups || !view.columns.some(({ kind }) => kind === "pick")) return;
        if (line < 0) lines.pickAll();
        else lines.pick(line);
        this.toolbar.updateSelection();
        this.grid.draw();
        say(`${counted(lines.picked.size, "row")} selected`);
    }

    // Show a text about the selected rows: `kind` is a function of selection.js.
    export(title, kind) {
        const records = [...this.lines.picked].sort((row, other) => row - other).map((row) => this.table.record(row));
        showTexts(title, [kind(records, this.run)].flat());
    }

    // What the grid asks for.
    source() {
        const { lines } = this;
        return {
            get count() {
                return lines.length;
            },
            get columns() {
                return lines.columns;
            },
            get frozen() {
                return lines.groups ? ["value"] : lines.view.frozen;
            },
            heading: (column) => this.heading(column),
            cell: (line, column) => lines.cell(line, column),
            part: (line) => lines.isPart(line),
            opened: (line) => this.opened(line),
            moved: (line) => this.state.row && !lines.groups && this.opened(line),
            sorted: (column) => this.change({ sort: this.nextSort(column) }),
            resized: () => this.resized(),
            picked: (line) => this.pick(line),
            expanded: (line, open) => this.expand(line, open),
        };
    }

    // Both directions, and the default order again. Of numbers the greatest come first.
    nextSort({ name, kind }) {
        const { sort } = this.state;
        const directions = [name, `-${name}`];
        if (kind === "count" || kind === "zones") directions.reverse();
        return [...directions, ""][directions.indexOf(sort) + 1];
    }

    async expand(line, open) {
        if (await this.lines.expand(line, open)) await this.grid.draw();
    }

    heading({ name, label, kind }) {
        if (kind === "pick") return { text: "☐", order: null, hint: "Select all rows that are shown, or none" };
        const { sort } = this.state;
        const order = sort === name ? "ascending" : sort === `-${name}` ? "descending" : null;
        const mark = order === "ascending" ? " ↑" : order === "descending" ? " ↓" : "";
        return { text: `${label}${mark}`, order, hint: `Sort by ${label}` };
    }

    opened(line) {
        const { groups } = this.lines;
        if (groups) {
            const terms = new Map(this.state.terms).set(this.state.group, new Set([groups[line].value]));
            this.change({ terms, group: "", sort: "" });
            return;
        }
        const row = this.lines.rowOf(line);
        const key = this.view.key.map((name) => this.table.text(row, name));
        this.go(write({ ...this.state, row: key }), Boolean(this.state.row));
    }

    // Make the row that is open the current line.
    choosing(row) {
        const line = this.lines.lineOf(row);
        if (line >= 0 && this.lines.rowOf(this.grid.active) !== row) this.grid.choose(line);
    }

    save() {
        const { view, run, state } = this;
        const columns = [...this.table.columns.keys()];
        const remarks = [
            `registry-audit ${view.title.toLowerCase()} of run ${run.id}, evidence ${run.evidence}`,
            `filter: ${this.filterText()}`,
            `address: ${write({ ...state, row: null })}`,
        ];
        if (run.caveat) remarks.unshift(run.caveat);
        download(`${view.table}-${run.id}.csv`, csv(this.table, this.lines.rows, columns, remarks.map(shown)));
        say(`${counted(this.lines.rows.length, "row")} saved`);
    }

    filterText() {
        const parts = [...this.terms].map(([name, values]) => `${name} = ${[...values].join(" or ")}`);
        parts.push(...this.conditions.map(({ label }) => label));
        return parts.length ? parts.join("; ") : "none";
    }
}

// Put the parts of a view into the page.
export function place(explorer) {
    const section = find("#view-table");
    section.querySelector("h2").textContent = explorer.view.title;
    section.querySelector(".about").textContent = explorer.view.about;
    const put = (selector, ...parts) => {
        const holder = section.querySelector(selector);
        if (parts[0]?.parentElement !== holder || holder.childElementCount !== parts.length)
            holder.replaceChildren(...parts);
    };
    put(".tools", ...explorer.toolbar.elements);
    section.querySelector(".tools").classList.toggle("open", explorer.toolbar.open);
    section.querySelector(".chips").replaceChildren(...(explorer.toolbar.chips ?? []));
    put(".sheet", explorer.grid.element, explorer.grid.empty);
}
