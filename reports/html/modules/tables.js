// Tables of columns. A column has for each row a code (a small whole number), and for each code a value.
import { textsOf, unpacked } from "./data_blocks.js";

export const SEVERITIES = ["critical", "high", "medium", "low", "info"];
const RANKED = new Set(["severity", "worst"]);
export const ANSWERS = ["no", "yes", "unknown"];

// A text column: codes are ranks in `values`, which are sorted.
export class TextColumn {
    constructor(codes, values) {
        this.codes = codes;
        this.values = values;
    }

    text(row) {
        return this.values[this.codes[row]];
    }

    code(text) {
        this.places ??= new Map(this.values.map((value, code) => [value, code]));
        return this.places.get(text) ?? -1;
    }

    get lowered() {
        return (this.lower ??= this.values.map((value) => value.toLowerCase()));
    }
}

// A text column of lists, each a JSON list or empty: `members` are the values in the lists, `items` has for each code
// the positions of its members.
export class ListColumn extends TextColumn {
    constructor(codes, values) {
        const lists = values.map((value) => (value ? JSON.parse(value) : [""]));
        super(
            codes,
            lists.map((list) => list.join(", ")),
        );
        this.members = [...new Set(lists.flat())].sort();
        const places = new Map(this.members.map((member, at) => [member, at]));
        this.items = lists.map((list) => list.map((member) => places.get(member)));
    }
}

// A column of numbers: answers, or counts (-1: unknown).
export class NumberColumn {
    constructor(numbers, words = null) {
        this.numbers = numbers;
        this.words = words;
    }

    text(row) {
        const number = this.numbers[row];
        return this.words ? this.words[number] : String(number);
    }

    // Numbers as ranks, computed when first needed.
    get codes() {
        return this.ranks().codes;
    }

    get values() {
        return this.ranks().values;
    }

    code(text) {
        return this.values.indexOf(text);
    }

    ranks() {
        if (this.ranked) return this.ranked;
        const distinct = [...new Set(this.numbers)].sort((number, other) => number - other);
        const rank = new Map(distinct.map((number, code) => [number, code]));
        const codes = Uint32Array.from(this.numbers, (number) => rank.get(number));
        return (this.ranked = {
            codes,
            values: distinct.map((number) => (this.words ? this.words[number] : String(number))),
        });
    }
}

export class Table {
    constructor(name, rows, columns) {
        this.name = name;
        this.rows = rows;
        this.columns = columns;
    }

    column(name) {
        return this.columns.get(name);
    }

    text(row, name) {
        return this.columns.get(name).text(row);
    }

    number(row, name) {
        return this.columns.get(name).numbers[row];
    }

    record(row) {
        return Object.fromEntries([...this.columns].map(([name, column]) => [name, column.text(row)]));
    }
}

const ANSWERED = new Set([
    "pull",
    "push",
    "create",
    "delete",
    "catalog",
    "sign",
    "answer",
    "expected",
    "unclear",
    "blind",
]);
const LISTS = new Set(["subjects organization"]);
const loading = new Map();
let texts = null;

// Return a table. Each is unpacked when it is first needed.
export function table(name) {
    if (!loading.has(name)) loading.set(name, load(name));
    return loading.get(name);
}

async function load(name) {
    const all = await (texts ??= textsOf());
    const { head, parts } = await unpacked(name);
    const columns = new Map();
    for (const [column, kind] of Object.entries(head.kinds)) {
        columns.set(
            column,
            kind === "text"
                ? textColumn(parts, column, all, LISTS.has(`${name} ${column}`))
                : new NumberColumn(parts[column], ANSWERED.has(column) ? ANSWERS : null),
        );
    }
    return new Table(name, head.rows, columns);
}

// Severities are sorted by their meaning, not by their letters.
function bySeverity(codes, values) {
    const place = (value) => (SEVERITIES.indexOf(value) + SEVERITIES.length + 1) % (SEVERITIES.length + 1);
    const order = values.map((_, code) => code).sort((code, other) => place(values[code]) - place(values[other]));
    const rank = new Uint8Array(values.length);
    order.forEach((code, at) => (rank[code] = at));
    return [Uint8Array.from(codes, (code) => rank[code]), order.map((code) => values[code])];
}

function textColumn(parts, column, all, lists) {
    let at = 0;
    const values = Array.from(parts[`${column}/texts`], (step) => all[(at += step)]);
    if (lists) return new ListColumn(parts[column], values);
    return new TextColumn(...(RANKED.has(column) ? bySeverity(parts[column], values) : [parts[column], values]));
}
