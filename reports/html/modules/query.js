// Which rows, in which order, and how many of each: over columns of codes, without a row of its own for any of them.

const NEVER = 255;

// A query: `terms` (a Map of column -> Set of values; a row must have one of each), `conditions` (see conditions.js),
// `filters` (a Map of functions of a row), and `facets` (columns whose values are counted).
// Return the rows; for each facet how many rows have each value, ignoring its own term; and for each term how many rows
// only it excludes.
export function select(table, query) {
    const size = table.rows;
    // How many terms a row fails, and the last of them: a row that fails one alone counts for that facet.
    const fails = new Uint8Array(size);
    const failed = new Uint8Array(size);
    const names = [...query.terms.keys()];
    names.forEach((name, at) => {
        const { codes, mask } = masked(table, name, query.terms.get(name));
        for (let row = 0; row < size; row++) {
            if (!mask[codes[row]]) {
                fails[row]++;
                failed[row] = at;
            }
        }
    });
    for (const [name, passes] of query.filters ?? []) {
        const at = names.push(name) - 1;
        for (let row = 0; row < size; row++) {
            if (!passes(row)) {
                fails[row]++;
                failed[row] = at;
            }
        }
    }
    for (const condition of query.conditions) exclude(table, condition, fails);
    const rows = new Uint32Array(size);
    const kept = new Uint32Array(names.length);
    let count = 0;
    for (let row = 0; row < size; row++) {
        if (fails[row] === 0) rows[count++] = row;
        else if (fails[row] === 1) kept[failed[row]]++;
    }
    const counts = new Map(
        query.facets.map((facet) => [facet, tally(table, facet, names.indexOf(facet), fails, failed)]),
    );
    return { rows: rows.slice(0, count), counts, kept: new Map(names.map((name, at) => [name, kept[at]])) };
}

// Return the codes of a column and their values as queries name them: a count is only some, none or unknown. A column
// of lists has `items` too: for each code, which of the values it consists of.
export function facetOf(table, name) {
    const column = table.column(name);
    if (column.items) return { codes: column.codes, values: column.members, items: column.items };
    if (column.words || !column.numbers) return { codes: column.codes, values: column.values };
    column.some ??= Uint8Array.from(column.numbers, (number) => (number > 0 ? 1 : number < 0 ? 2 : 0));
    return { codes: column.some, values: ["none", "some", "unknown"] };
}

function masked(table, name, wanted) {
    const { codes, values, items } = facetOf(table, name);
    const mask = Uint8Array.from(values, (value) => (wanted.has(value) ? 1 : 0));
    return { codes, mask: items ? Uint8Array.from(items, (some) => (some.some((at) => mask[at]) ? 1 : 0)) : mask };
}

function tally(table, facet, term, fails, failed) {
    const { codes, values, items } = facetOf(table, facet);
    const counts = new Uint32Array(items?.length ?? values.length);
    for (let row = 0; row < codes.length; row++) {
        if (fails[row] === 0 || (fails[row] === 1 && failed[row] === term)) counts[codes[row]]++;
    }
    if (!items) return counts;
    const ofMembers = new Uint32Array(values.length);
    items.forEach((some, code) => some.forEach((at) => (ofMembers[at] += counts[code])));
    return ofMembers;
}

// Exclude the rows that do not fulfil a condition. Each text is tested once, not once a row.
function exclude(table, { names, passes, negative, exact }, fails) {
    const hit = new Uint8Array(fails.length);
    for (const name of names) {
        const { numbers, words, codes, values, lowered } = table.column(name);
        if (numbers && !words) {
            for (let row = 0; row < hit.length; row++) hit[row] |= passes(numbers[row]) ? 1 : 0;
            continue;
        }
        const mask = Uint8Array.from(exact ? values : (lowered ?? values), (text) => (passes(text) ? 1 : 0));
        if (!mask.includes(1)) continue;
        for (let row = 0; row < hit.length; row++) hit[row] |= mask[codes[row]];
    }
    const wrong = negative ? 1 : 0;
    for (let row = 0; row < hit.length; row++) if (hit[row] === wrong) fails[row] = NEVER;
}

// Return rows sorted by a column; equal rows keep their order.
export function sorted(table, rows, name, descending) {
    const { codes, values } = table.column(name);
    const starts = new Uint32Array(values.length + 1);
    for (const row of rows) starts[codes[row] + 1]++;
    if (descending) {
        let end = rows.length;
        for (let code = 0; code < values.length; code++) starts[code] = end -= starts[code + 1];
    } else {
        for (let code = 0; code < values.length; code++) starts[code + 1] += starts[code];
    }
    const order = new Uint32Array(rows.length);
    for (const row of rows) order[starts[codes[row]]++] = row;
    return order;
}

const KINDS = { User: "people", Group: "groups", ServiceAccount: "accounts" };
const RIGHTS = ["pull", "push", "create"];

// Return a line for each value of a column: the number of rows, of distinct users, groups and accounts, and of rights.
export function grouped(table, rows, name) {
    const column = table.column(name);
    const order = sorted(table, rows, name, false);
    const who = table.column("subject");
    const kinds = table.column("subject_kind");
    const lastSeen = who && kinds ? new Int32Array(who.values.length * kinds.values.length).fill(-1) : null;
    const lines = [];
    let line = null;
    for (const row of order) {
        const code = column.codes[row];
        if (!line || line.code !== code)
            lines.push(
                (line = {
                    code,
                    value: column.values[code],
                    rows: 0,
                    people: 0,
                    groups: 0,
                    accounts: 0,
                    pull: 0,
                    push: 0,
                    create: 0,
                }),
            );
        line.rows++;
        for (const right of RIGHTS) if (table.column(right)?.numbers?.[row] === 1) line[right]++;
        if (!lastSeen) continue;
        const subject = who.codes[row] * kinds.values.length + kinds.codes[row];
        if (lastSeen[subject] === code) continue;
        lastSeen[subject] = code;
        const kind = KINDS[kinds.text(row)];
        if (kind) line[kind]++;
    }
    return lines.sort((group, other) => other.rows - group.rows);
}

// Count the distinct users, groups and service accounts among rows.
export function subjects(table, rows) {
    const who = table.column("subject");
    const kinds = table.column("subject_kind");
    const totals = { people: 0, groups: 0, accounts: 0 };
    if (!who || !kinds) return totals;
    const seen = new Uint8Array(who.values.length * kinds.values.length);
    for (const row of rows) {
        const subject = who.codes[row] * kinds.values.length + kinds.codes[row];
        if (seen[subject]) continue;
        seen[subject] = 1;
        const kind = KINDS[kinds.text(row)];
        if (kind) totals[kind]++;
    }
    return totals;
}

// Return the rows whose columns have exactly these values ({name: value}).
export function matching(table, wanted) {
    const parts = Object.entries(wanted).map(([name, value]) => {
        const column = table.column(name);
        return { codes: column.codes, code: column.code(value) };
    });
    const rows = [];
    if (parts.some(({ code }) => code < 0)) return rows;
    const [first, ...rest] = parts;
    for (let row = 0; row < table.rows; row++) {
        if (first.codes[row] === first.code && rest.every(({ codes, code }) => codes[row] === code)) rows.push(row);
    }
    return rows;
}
