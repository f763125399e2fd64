// What is shown stands in the address: view, filter, order, and the row that is open. A link can be sent.

const OWN = new Set(["q", "re", "sort", "group", "row"]);

// Return what an address asks for.
export function read(hash) {
    const [path, search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
    const found = {
        view: path || "overview",
        terms: new Map(),
        words: "",
        regex: false,
        sort: "",
        group: "",
        row: null,
    };
    for (const [name, value] of new URLSearchParams(search)) {
        if (!OWN.has(name)) {
            if (!found.terms.has(name)) found.terms.set(name, new Set());
            found.terms.get(name).add(value);
        }
    }
    const own = new URLSearchParams(search);
    found.words = own.get("q") ?? "";
    found.regex = own.get("re") === "1";
    found.sort = own.get("sort") ?? "";
    found.group = own.get("group") ?? "";
    if (own.has("row")) found.row = rowOf(search);
    return found;
}

// The parts of a row's key are encoded by themselves, so a name may hold a comma.
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

// Return the address of a state; what it leaves out has its usual value.
export function write({ view, terms = new Map(), words = "", regex = false, sort = "", group = "", row = null }) {
    const parts = [];
    for (const [name, values] of terms) for (const value of values) parts.push(`${coded(name)}=${coded(value)}`);
    if (words) parts.push(`q=${coded(words)}`);
    if (words && regex) parts.push("re=1");
    if (sort) parts.push(`sort=${coded(sort)}`);
    if (group) parts.push(`group=${coded(group)}`);
    if (row) parts.push(`row=${row.map(coded).join(",")}`);
    return `#/${view}${parts.length ? `?${parts.join("&")}` : ""}`;
}

// Return the address of the rows that have these values ({column: value or values}).
export function link(view, wanted = {}, more = {}) {
    const terms = new Map(Object.entries(wanted).map(([name, value]) => [name, new Set([value].flat())]));
    return write({ view, terms, ...more });
}
