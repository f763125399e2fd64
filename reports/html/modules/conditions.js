// What is typed into a search: words, and conditions on columns. Each is a condition with a label that says its meaning.

// Other names of columns, the first of these that a table has.
const ALIASES = {
    org: ["organization"],
    ns: ["namespace"],
    repo: ["repository"],
    who: ["subject"],
    kind: ["subject_kind", "kind"],
    people: ["people", "members", "push_people"],
    relationship: ["belongs"],
    finding: ["title"],
};
const TOKEN = /-?(?:[a-z_]+(?::|>=|<=|=|>|<))?(?:"[^"]*"|[^\s"]\S*)/giu;
const PART = /^(-?)([a-z_]+)(:|>=|<=|=|>|<)(.+)$/isu;
const RANGE = /^(.+?)\.\.(.+)$/su;
const MEANING = { ":": "contains", "=": "is", ">": ">", "<": "<", ">=": "≥", "<=": "≤" };

// Return the name of the column of a table that is called so, if any.
export function columnNamed(table, name) {
    const lowered = name.toLowerCase();
    return [lowered, ...(ALIASES[lowered] ?? [])].find((known) => table.column(known));
}

// Return the conditions of a text; all must hold. Each has `raw`, `label`, `negative`, the names of its columns, of
// which one must pass, and `passes`: whether a text, or a number, does. Raises SyntaxError for a regular expression
// that is none.
export function conditions({ words, regex }, table, view) {
    if (!words.trim()) return [];
    if (regex) {
        const pattern = new RegExp(words, "iu");
        const passes = (text) => pattern.test(text);
        return [{ raw: words, label: `matches /${words}/`, negative: false, names: view.searched, exact: true, passes }];
    }
    return (words.match(TOKEN) ?? []).map((raw) => column(raw, table, view) ?? word(raw, view));
}

// Return the text without one of its conditions.
export function without(words, raw) {
    const left = words.match(TOKEN) ?? [];
    left.splice(left.indexOf(raw), 1);
    return left.join(" ");
}

function unquoted(text) {
    return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function word(raw, view) {
    const negative = raw.startsWith("-") && raw.length > 1;
    const wanted = unquoted(negative ? raw.slice(1) : raw);
    const lowered = wanted.toLowerCase();
    const label = `${negative ? "does not contain" : "contains"} "${wanted}"`;
    return { raw, label, negative, names: view.searched, passes: (text) => text.includes(lowered) };
}

// Return the condition on a column, or nothing where no column is called so.
function column(raw, table, view) {
    const [, minus, called, operator, rest] = raw.match(PART) ?? [];
    const name = called && columnNamed(table, called);
    if (!name) return null;
    const value = unquoted(rest);
    const heading = view.columns.find((one) => one.name === name)?.label ?? called;
    const { numbers, words } = table.column(name);
    const passes = numbers && !words ? numeric(operator, value) : textual(operator, value, Boolean(words));
    if (!passes) return null;
    const range = value.match(RANGE);
    const is = words && operator === ":" ? "is" : numbers && !words && operator === ":" ? "=" : MEANING[operator];
    const meaning = range && operator === ":" ? `from ${range[1]} to ${range[2]}` : `${is} ${value}`;
    return { raw, label: `${minus ? "not: " : ""}${heading} ${meaning}`, negative: Boolean(minus), names: [name], passes };
}

const COMPARED = {
    ":": (one, other) => one === other,
    "=": (one, other) => one === other,
    ">": (one, other) => one > other,
    "<": (one, other) => one < other,
    ">=": (one, other) => one >= other,
    "<=": (one, other) => one <= other,
};

// Return the test of a number; an unknown one (-1) passes none. Nothing, where the value is not a number.
function numeric(operator, value) {
    const [low, high] = (value.match(RANGE)?.slice(1) ?? [value]).map((text) => Number(text.replaceAll(",", "")));
    if (Number.isNaN(low) || Number.isNaN(high ?? 0)) return null;
    if (high !== undefined) return (number) => number >= low && number <= high;
    return (number) => number >= 0 && COMPARED[operator](number, low);
}

// Return the test of a text in lower case. Times are compared as texts; an empty one is not known, and passes none.
function textual(operator, value, whole) {
    const wanted = value.toLowerCase();
    const range = operator === ":" && wanted.match(RANGE);
    if (range) return (text) => text >= range[1] && text.slice(0, range[2].length) <= range[2];
    if (operator === ":" && !whole) return (text) => text.includes(wanted);
    if (operator === ":" || operator === "=") return (text) => text === wanted || text.split(", ").includes(wanted);
    return (text) => text !== "" && COMPARED[operator](operator === ">" || operator === "<=" ? text.slice(0, wanted.length) : text, wanted);
}
