// The address holds all that is shown: view, filter, order, and the open row. It can be sent as a link.

const OWN = new Set(["q", "re", "sort", "group", "row", "columns", "widths", "whole"]);

// Return the state that an address describes.
export function read(hash) {
    const [path, search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
    const state = {
        view: path || "overview",
        terms: new Map(),
        words: "",
        regex: false,
        sort: "",
        group: "",
        row: null,
        columns: null,
        widths: new Map(),
        whole: false,
    };
    for (const [name, value] of new URLSearchParams(search)) {
        if (!OWN.has(name)) {
            if (!state.terms.has(name)) state.terms.set(name, new Set());
            state.terms.get(name).add(value);
        }
    }
    const own = new URLSearchParams(search);
    state.words = own.get("q") ?? "";
    state.regex = own.get("re") === "1";
    state.sort = own.get("sort") ?? "";
    state.group = own.get("group") ?? "";
    if (own.has("columns")) state.columns = new Set(own.get("columns").split(",").filter(Boolean));
    for (const part of (own.get("widths") ?? "").split(",")) {
        const [name, width] = part.split(":");
        if (Number(width) > 0) state.widths.set(name, Number(width));
    }
    if (own.has("row")) state.row = rowOf(search);
    state.whole = state.row !== null && own.get("whole") === "1";
    return state;
}

// The parts of a row's key are encoded separately, so a name may contain a comma.
function rowOf(search) {
    const raw = search.split("&").find((part) => part.startsWith("row="));
    return raw.slice(4).split(",").map(decoded);
}

function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

const coded = encodeURIComponent;

// Return the address of a state; omitted parts have their default.
export function write({
    view,
    terms = new Map(),
    words = "",
    regex = false,
    sort = "",
    group = "",
    row = null,
    columns = null,
    widths = new Map(),
    whole = false,
}) {
    const parts = [];
    for (const [name, values] of terms) for (const value of values) parts.push(`${coded(name)}=${coded(value)}`);
    if (words) parts.push(`q=${coded(words)}`);
    if (words && regex) parts.push("re=1");
    if (sort) parts.push(`sort=${coded(sort)}`);
    if (group) parts.push(`group=${coded(group)}`);
    if (columns) parts.push(`columns=${[...columns].map(coded).join(",")}`);
    if (widths.size) parts.push(`widths=${[...widths].map(([name, width]) => `${coded(name)}:${width}`).join(",")}`);
    if (row && whole) parts.push("whole=1");
    if (row) parts.push(`row=${row.map(coded).join(",")}`);
    return `#/${view}${parts.length ? `?${parts.join("&")}` : ""}`;
}

// Return the address of the rows that have these values ({column: value or values}).
export function link(view, wanted = {}, more = {}) {
    const terms = new Map(Object.entries(wanted).map(([name, value]) => [name, new Set([value].flat())]));
    return write({ view, terms, ...more });
}
