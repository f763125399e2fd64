// What a question means: "user Z push shop", "who can pull shop/web", a name, or conditions on columns.
import { link, write } from "./address.js";
import { columnNamed, conditions } from "./conditions.js";
import { subjectOf, spelled } from "./reach.js";
import { table } from "./tables.js";
import { KIND_WORDS } from "./words.js";

const ACTIONS = { pull: "pull", pulls: "pull", push: "push", pushes: "push", create: "create", creates: "create" };
const KINDS = { user: "user", group: "group", sa: "sa", account: "sa", "service account": "sa" };
const NAMES = 8; // names that are offered
const NOISE = new Set(["can", "may", "does", "do", "in", "to", "from", "the", "namespace", "?"]);

// Return the answers to a question, the best first: {text, about, address}.
export async function answers(question, views, current) {
    const text = question.trim().replace(/\?$/, "").trim();
    if (!text) return [];
    const found = [...(await who(text)), ...(await can(text))];
    if (found.length) return found;
    return [...(await named(text)), ...(await searches(text, views, current))];
}

function place(text) {
    const [namespace, repository] = text.split(/\/(.*)/s);
    return { namespace, repository };
}

// Return the address of the rows that answer; unknown ones are among them.
function rowsOf(action, { namespace, repository }, subject = "") {
    return link("access", {
        ...(subject ? { for: subject } : {}),
        in: namespace,
        ...(repository ? { repository: ["*", repository] } : {}),
        [action]: ["yes", "unknown"],
        expected: "every",
    });
}

async function who(text) {
    const [, word, where] = text.match(/^who\s+(?:can\s+)?(\w+)\s+(?:in\s+|to\s+|from\s+)?(\S+)$/i) ?? [];
    const action = ACTIONS[word?.toLowerCase()];
    if (!action) return [];
    return [{ text: `Who can ${action} in ${where}`, about: await seen(place(where)), address: rowsOf(action, place(where)) }];
}

// Return a remark where a place was not seen: an empty answer would say more than is known.
async function seen({ namespace, repository }) {
    if ((await table("namespaces")).column("namespace").code(namespace) < 0)
        return "no namespace of this name was read; cluster-wide access holds in any";
    if (repository && (await table("repositories")).column("repository").code(repository) < 0)
        return "no repository of this name was read";
    return "rows of access, unknown ones included";
}

async function can(text) {
    const words = text.split(/\s+/).filter((word) => !NOISE.has(word.toLowerCase()));
    const at = words.findIndex((word) => ACTIONS[word.toLowerCase()]);
    if (at < 1 || at !== words.length - 2) return [];
    const [action, where] = [ACTIONS[words[at].toLowerCase()], place(words[at + 1])];
    const subjects = await subjectsNamed(words.slice(0, at));
    const about = await seen(where);
    const names = (await table("subjects")).column("subject");
    return subjects.map((subject) => ({
        text: `Can ${subject} ${action} in ${words[at + 1]}`,
        about: names.code(subjectOf(subject)[1]) < 0 ? `no grant to this name was read: what everybody has; ${about}` : about,
        address: rowsOf(action, where, subject),
    }));
}

// Return the subjects that words name, as commands spell them: with a kind (`user Z`, `user/Z`), or of any kind.
async function subjectsNamed(words) {
    const kind = KINDS[words.slice(0, -1).join(" ").toLowerCase()];
    const name = words.at(-1);
    if (kind) return [`${kind}/${name}`];
    if (words.length > 1) return [];
    if (/^(user|group|sa)\//.test(name)) return [spelled(...subjectOf(name))];
    const all = await table("subjects");
    const code = all.column("subject").code(name);
    const found = new Set();
    for (let row = 0; code >= 0 && row < all.rows; row++)
        if (all.column("subject").codes[row] === code) found.add(spelled(all.text(row, "subject_kind"), name));
    return found.size ? [...found] : [`user/${name}`];
}

// Return the namespaces, subjects and repositories whose names hold all words, the shortest first.
async function named(text) {
    const words = text.toLowerCase().split(/\s+/);
    const found = [];
    for (const [view, column, about] of [
        ["namespaces", "namespace", (row) => `namespace in ${row.zone}`],
        ["subjects", "subject", (row) => `${KIND_WORDS[row.subject_kind] ?? row.subject_kind}${row.zone ? ` in ${row.zone}` : ""}`],
        ["repositories", "repository", (row) => `repository of ${row.namespace} in ${row.zone}`],
    ]) {
        const all = await table(view);
        const { codes, lowered } = all.column(column);
        const fits = lowered.map((name) => words.every((word) => name.includes(word)));
        const rows = [];
        for (let row = 0; row < all.rows; row++) if (fits[codes[row]]) rows.push(row);
        rows.sort((row, other) => lowered[codes[row]].length - lowered[codes[other]].length);
        for (const row of rows.slice(0, NAMES)) {
            const record = all.record(row);
            found.push({ text: record[column], about: about(record), address: addressOf(view, record) });
        }
    }
    return found.sort((one, other) => one.text.length - other.text.length).slice(0, NAMES);
}

const KEYS = {
    namespaces: ["zone", "namespace"],
    subjects: ["subject_kind", "subject", "zone"],
    repositories: ["zone", "namespace", "repository"],
};

function addressOf(view, record) {
    return link(view, {}, { row: KEYS[view].map((name) => record[name]) });
}

// Return searches for the text: in views that have all columns that it names, the current one first.
async function searches(text, views, current) {
    const called = [...text.matchAll(/(?:^|\s)-?([a-z_]+)(?::|>=|<=|=|>|<)/gi)].map(([, name]) => name);
    const order = [...new Set([current, "access", "findings", "namespaces", "subjects", "causes", "changes"])];
    const found = [];
    for (const id of order.filter((view) => views[view])) {
        const view = views[id];
        const all = await table(view.table);
        const unknown = called.filter((name) => !columnNamed(all, name));
        const meaning = conditions({ words: text, regex: false }, all, view).map(({ label }) => label);
        found.push({ unknown: unknown.length, text: `${view.title}: ${meaning.join(", ")}`, about: "search", address: write({ view: id, words: text }) });
    }
    return found.sort((one, other) => one.unknown - other.unknown).slice(0, 4);
}
