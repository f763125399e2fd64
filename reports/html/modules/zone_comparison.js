// The table `across`: the same subject at the same place, in all zones. It is made of the rows of access when it is needed.
import { sorted } from "./query.js";
import { ListColumn, Table, table, TextColumn } from "./tables.js";

const KEY = ["subject_kind", "subject", "namespace", "repository"];
const WHOLE = new Set(["seen", "excluded", "not-asked"]);

// Return what a row of access certainly allows, in a word.
function strongest(access, row) {
    for (const right of ["create", "push", "pull"]) if (access.number(row, right) === 1) return right;
    return "unknown";
}

// Return the zones in which each namespace is, and those of which a list is missing.
async function zonesOf(access) {
    const [spaces, coverage] = [await table("namespaces"), await table("coverage")];
    const [all, places, partial] = [new Set(access.column("zone").values), new Map(), new Set()];
    for (let row = 0; row < spaces.rows; row++) {
        const [zone, name] = [spaces.text(row, "zone"), spaces.text(row, "namespace")];
        all.add(zone);
        places.set(name, [...(places.get(name) ?? []), zone]);
    }
    for (let row = 0; row < coverage.rows; row++) {
        all.add(coverage.text(row, "zone"));
        if (!WHOLE.has(coverage.text(row, "state"))) partial.add(coverage.text(row, "zone"));
    }
    places.set("*", [...all].sort());
    return { places, partial };
}

function described(rights) {
    const together = new Map();
    for (const [zone, right] of rights) together.set(right, [...(together.get(right) ?? []), zone]);
    return [...together].map(([right, zones]) => `${right}: ${zones.join(", ")}`).join("; ");
}

function difference(rights, absent) {
    if (absent.some((zone) => !zone.endsWith("?"))) return "not in all";
    if (absent.length) return "unknown";
    return new Set(rights.values()).size > 1 ? "different" : "the same";
}

// Return a column of texts, or of lists.
function column(texts, Kind = TextColumn) {
    const values = [...new Set(texts)].sort();
    const codes = new Map(values.map((value, code) => [value, code]));
    return new Kind(Uint32Array.from(texts, (text) => codes.get(text)), values);
}

function listed(zones) {
    return zones.length ? JSON.stringify(zones) : "";
}

// Return the table: a row for each subject and place. A zone of which a list is missing is followed by `?` where it has no
// such row; zones without the namespace do not count.
export async function acrossZones() {
    const access = await table("access");
    const { places, partial } = await zonesOf(access);
    const codes = KEY.map((name) => access.column(name).codes);
    let rows = Uint32Array.from({ length: access.rows }, (_, row) => row).filter((row) => !access.number(row, "expected"));
    for (const name of [...KEY].reverse()) rows = sorted(access, rows, name, false);
    const [first, texts] = [[], { difference: [], rights: [], present: [], absent: [], comparable: [] }];
    for (let at = 0; at < rows.length; ) {
        const [row, rights] = [rows[at], new Map()];
        for (; at < rows.length && codes.every((of) => of[rows[at]] === of[row]); at++)
            rights.set(access.text(rows[at], "zone"), strongest(access, rows[at]));
        const there = places.get(access.text(row, "namespace")) ?? [];
        const absent = there.filter((zone) => !rights.has(zone)).map((zone) => (partial.has(zone) ? `${zone}?` : zone));
        first.push(row);
        texts.difference.push(difference(rights, absent));
        texts.rights.push(described(rights));
        texts.present.push(listed([...rights.keys()]));
        texts.absent.push(listed(absent));
        texts.comparable.push(there.length > 1 ? "yes" : "no");
    }
    const of = (name) => new TextColumn(Uint32Array.from(first, (row) => access.column(name).codes[row]), access.column(name).values);
    return new Table("across", first.length, new Map([
        ...KEY.map((name) => [name, of(name)]),
        ...["difference", "rights", "comparable"].map((name) => [name, column(texts[name])]),
        ...["present", "absent"].map((name) => [name, column(texts[name], ListColumn)]),
    ]));
}
