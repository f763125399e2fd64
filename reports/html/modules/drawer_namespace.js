// The drawer of a namespace: who can push and pull there, by relationship.
import { link } from "./address.js";
import { counted, make, shown } from "./dom.js";
import { about, repositoriesOf } from "./drawer_about.js";
import { code, facts, links, most } from "./drawer_parts.js";
import { routesInto } from "./drawer_routes.js";
import { matching } from "./query.js";
import { table } from "./tables.js";
import { KIND_WORDS } from "./words.js";

// How a subject is related to a namespace, and the heading of its list.
const RELATIONSHIPS = [
    ["other organization", "Another organization"],
    ["everybody", "Everyone"],
    ["none", "No known organization"],
    ["own organization", "Own organization"],
    ["platform", "Platform"],
    ["", "Namespace without an organization"],
];

function subjectKey({ subject_kind, subject }) {
    return JSON.stringify([subject_kind, subject]);
}

// Return how the subject of a row is related to a namespace. A cluster-wide row is in no organization.
async function relationship(row, record) {
    if (row.belongs || row.namespace !== "*" || !record.organization) return row.belongs;
    const subjects = await table("subjects");
    const { subject_kind, subject } = row;
    const [at] = matching(subjects, { subject_kind, subject, zone: subject_kind === "ServiceAccount" ? row.zone : "" });
    const column = subjects.column("organization");
    const organizations = column.items[column.codes[at]].map((member) => column.members[member]);
    return organizations.includes(record.organization) ? "own organization" : "other organization";
}

// Return for each subject that can do something, or may be able to, its row; the certain and local ones first.
async function subjectsThatMay(access, record, action) {
    const rows = [record.namespace, "*"].flatMap((namespace) => matching(access, { namespace, zone: record.zone }));
    const able = rows.filter((row) => access.text(row, action) !== "no").map((row) => access.record(row));
    able.sort((row, other) => (row[action] === "yes" ? 0 : 1) - (other[action] === "yes" ? 0 : 1));
    const first = new Map();
    for (const row of able) {
        const key = subjectKey(row);
        if (!first.has(key)) first.set(key, { ...row, belongs: await relationship(row, record) });
    }
    return [...first.values()];
}

function entry(row, action) {
    const key = [row.zone, row.namespace, row.repository, row.subject_kind, row.subject];
    const remarks = [
        row.namespace === "*" ? ", cluster-wide" : "",
        row.repository === "*" ? "" : `, only repository ${shown(row.repository)}`,
        row[action] === "unknown" ? ", unknown whether" : "",
    ];
    return make(
        "li",
        {},
        make("a", { href: link("access", { expected: "every" }, { row: key }) }, code(row.subject)),
        ` ${KIND_WORDS[row.subject_kind]}${remarks.join("")}`,
    );
}

function listsOf(rows, action) {
    if (!rows.length) return make("p", { class: "note" }, "No subject.");
    return RELATIONSHIPS.map(([relationship, words]) => {
        const related = rows.filter((row) => row.belongs === relationship);
        if (!related.length) return null;
        const entries = related.slice(0, most()).map((row) => entry(row, action));
        if (related.length > most()) entries.push(make("li", {}, `and ${related.length - most()} more`));
        return [
            make("h3", {}, `${words}: ${related.length}`),
            make("ul", { "data-belongs": relationship, "data-action": action }, entries),
        ];
    });
}

function summary(record, push) {
    const certain = push.filter((row) => row.push === "yes");
    const others = Number(record.push_outside);
    const organization = record.organization ? ` (organization ${record.organization})` : "";
    const open = record.open_push
        ? ` It is open for push to ${record.open_push}.`
        : record.open_pull
          ? ` It is open for pull to ${record.open_pull}.`
          : "";
    const blind = record.blind === "yes" ? " Its role bindings are incomplete: anyone may have access." : "";
    return `${counted(certain.length, "subject")} can push to namespace ${record.namespace} in zone ${record.zone}${organization}, ${others} of another organization.${open}${blind}`;
}

export async function namespaceDrawer(record) {
    const access = await table("access");
    const push = await subjectsThatMay(access, record, "push");
    const pushers = new Set(push.map(subjectKey));
    const pull = (await subjectsThatMay(access, record, "pull")).filter((row) => !pushers.has(subjectKey(row)));
    const here = { zone: record.zone, namespace: record.namespace };
    return {
        title: record.namespace,
        why: summary(record, push),
        parts: [
            links(
                ["Access", link("access", { zone: record.zone, in: record.namespace, expected: "every" })],
                ["Repositories", link("repositories", here)],
                ["Findings", link("findings", here)],
                ["Changes", link("changes", here)],
            ),
            make("h2", {}, "Can push"),
            listsOf(push, "push"),
            make("h2", {}, "Can only pull"),
            listsOf(pull, "pull"),
            await routesInto(here),
            await repositoriesOf(here),
            await about(here, record.zone),
            facts([
                ["Created", record.created],
                ["Last push", record.pushed],
            ]),
        ],
    };
}
