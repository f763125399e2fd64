// The lines of a grid: rows of a table, with the namespaces that a cluster-wide one was opened to; or groups of rows.
import { cellOf } from "./grid_cells.js";
import { table } from "./tables.js";
import { grouped } from "./dom.js";
import { valueWord } from "./filter_menus.js";
import { gather, sorted } from "./query.js";

const GROUP_COLUMNS = [
    { name: "value", label: "Value", kind: "name", width: 280 },
    ...["rows", "people", "groups", "accounts", "pull", "push", "create"].map((name) => ({
        name,
        label: name === "create" ? "New" : name[0].toUpperCase() + name.slice(1),
        kind: "count",
        width: 92,
    })),
];

export class Lines {
    constructor(all, view) {
        Object.assign(this, { all, view, rows: new Uint32Array(), groups: null, group: "", turned: [] });
        this.hidden = new Set(view.columns.filter((one) => one.hidden).map((one) => one.name));
    }

    get columns() {
        return this.groups ? GROUP_COLUMNS : this.view.columns.filter((one) => !this.hidden.has(one.name));
    }

    // Take the rows that pass a filter, ordered by `sort` (a column, behind `-` for the greatest first), or gathered.
    take(rows, { sort, group }) {
        const name = sort.replace(/^-/, "");
        const falls = sort.startsWith("-");
        this.turned = [];
        this.group = group;
        this.groups = group && this.all.column(group) ? gather(this.all, rows, group) : null;
        this.rows = this.all.column(name) ? sorted(this.all, rows, name, falls) : rows;
        if (!this.groups?.length || !(name in this.groups[0])) return;
        const order = (one, other) => (one[name] < other[name] ? -1 : one[name] > other[name] ? 1 : 0);
        this.groups.sort((one, other) => (falls ? order(other, one) : order(one, other)));
    }

    get length() {
        if (this.groups) return this.groups.length;
        return this.rows.length + this.turned.reduce((sum, { names }) => sum + names.length, 0);
    }

    // Return which row a line shows, and which of the namespaces that a cluster-wide row was opened to (-1: the row).
    locate(line) {
        let at = line;
        for (const { row, names } of this.turned) {
            if (at <= row) break;
            if (at <= row + names.length) return { at: row, part: at - row - 1, names };
            at -= names.length;
        }
        return { at, part: -1 };
    }

    // Return the line that shows a row of the table, or -1.
    lineOf(row) {
        const at = this.groups ? -1 : this.rows.indexOf(row);
        return at < 0 ? -1 : this.turned.reduce((line, one) => line + (one.row < at ? one.names.length : 0), at);
    }

    rowOf(line) {
        return this.rows[this.locate(line).at];
    }

    isPart(line) {
        return !this.groups && this.locate(line).part >= 0;
    }

    cell(line, one) {
        if (this.groups) return this.groupCell(this.groups[line][one.name], one);
        const { at, part, names } = this.locate(line);
        if (part >= 0 && one.name === "namespace") return { text: names[part], class: "name-cell" };
        const found = cellOf(this.all, one, this.rows[at]);
        if (found.class !== "every") return found;
        if (!this.view.expands) return { ...found, class: "" };
        return { ...found, text: `${this.isOpen(at) ? "▾" : "▸"} ${found.text}` };
    }

    groupCell(value, one) {
        if (one.name === "value") return { text: valueWord(this.group, value), class: "name-cell" };
        return { text: value ? grouped(value) : "", class: "n" };
    }

    isOpen(at) {
        return this.turned.some(({ row }) => row === at);
    }

    // Open a cluster-wide row to the namespaces of its zone, or close it (`open` null: the other way round); say whether
    // anything changed.
    async turn(line, open) {
        const { at } = this.locate(line);
        if (this.groups || !this.view.expands || this.all.text(this.rows[at], "namespace") !== "*") return false;
        const wanted = open ?? !this.isOpen(at);
        if (wanted === this.isOpen(at)) return false;
        const others = this.turned.filter(({ row }) => row !== at);
        if (wanted) others.push({ row: at, names: await namespacesOf(this.all.text(this.rows[at], "zone")) });
        this.turned = others.sort((one, other) => one.row - other.row);
        return true;
    }
}

async function namespacesOf(zone) {
    const all = await table("namespaces");
    const names = [];
    for (let row = 0; row < all.rows; row++) if (all.text(row, "zone") === zone) names.push(all.text(row, "namespace"));
    return names.sort();
}
