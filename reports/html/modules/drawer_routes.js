// Routes: how a subject gets access that it does not have itself, as sentences.
import { link } from "./address.js";
import { counted, make, shown } from "./dom.js";
import { facts, heading, links, most } from "./drawer_parts.js";
import { matching } from "./query.js";
import { table } from "./tables.js";
import { capital, place, who } from "./words.js";

const CERTAINTY = ["certain", "possible", "unknown"];
const SURE = { certain: "can", possible: "can possibly", unknown: "may, for all that was read," };

// The sentence of a route. A row of several accounts stands for all of their name, each in its own namespace.
function sentence(row) {
    const where = row.namespace === "*" && row.subject.startsWith("*:") ? `its own namespace in zone ${row.zone}` : place(row);
    return `${capital(who(row))} ${SURE[row.certainty]} ${row.action} in ${where} by another way`;
}

// The steps of a route, one in each line.
function steps(row) {
    return make(
        "ol",
        {},
        row.route.split("; ").map((step) => make("li", {}, shown(step))),
    );
}

function closing(row) {
    if (!row.bindings) return null;
    const survives = row.survives ? ` Without only one of ${row.survives}, another route remains.` : "";
    return make("p", { class: "note" }, shown(`Removing ${row.bindings} closes it.${survives}`));
}

// Return the parts of some rows: the surest and shortest route with its steps, the others with a link each.
function parts(rows, all) {
    if (!rows.length) return null;
    rows.sort((row, other) => CERTAINTY.indexOf(row.certainty) - CERTAINTY.indexOf(other.certainty) || row.steps - other.steps);
    const [first, ...others] = rows;
    const entries = others
        .slice(0, most())
        .map((row) => make("li", {}, make("a", { href: routeLink(row) }, shown(`${sentence(row)} (${counted(Number(row.steps), "step")})`))));
    if (others.length > most()) entries.push(make("li", {}, `and ${others.length - most()} more`));
    return [
        heading(`Routes: ${rows.length}`),
        make("p", {}, shown(`${sentence(first)}:`)),
        steps(first),
        closing(first),
        entries.length ? make("ul", { class: "routes" }, entries) : null,
        links(["All of them in a table", all]),
    ];
}

function routeLink({ zone, namespace, repository, subject_kind, subject, action }) {
    return link("routes", {}, { row: [zone, namespace, repository, subject_kind, subject, action] });
}

// Return the subjects by which a subject has routes: itself, or all accounts of its name.
function names(subject_kind, subject) {
    return subject_kind === "ServiceAccount" ? [subject, `*:${subject.split(":").at(-1)}`] : [subject];
}

// Return the routes of a subject, in a zone (any, where it is empty), and in a namespace if one is given.
export async function routesOf({ subject_kind, subject }, zone, namespace = "") {
    const routes = await table("routes");
    const rows = names(subject_kind, subject)
        .flatMap((name) => matching(routes, { subject_kind, subject: name, ...(zone ? { zone } : {}) }))
        .map((row) => routes.record(row))
        .filter((row) => !namespace || row.namespace === "*" || row.namespace === namespace);
    const wanted = { subject: names(subject_kind, subject), ...(zone ? { zone } : {}) };
    return parts(rows, link("routes", wanted));
}

// Return the routes into a namespace: what leads into every namespace is one of them.
export async function routesInto({ zone, namespace }) {
    const routes = await table("routes");
    const rows = [namespace, "*"].flatMap((name) => matching(routes, { zone, namespace: name })).map((row) => routes.record(row));
    return parts(rows, link("routes", { zone, namespace: [namespace, "*"] }));
}

export async function routeDrawer(record) {
    const { zone, namespace, repository, subject_kind, subject } = record;
    return {
        title: `${subject}: ${record.action} by a route`,
        why: `${sentence(record)}.`,
        parts: [
            heading(`Steps: ${record.steps}`),
            steps(record),
            closing(record),
            facts([
                ["Certain", record.certainty],
                ["Through", record.through],
                ["Rights used", record.mechanisms],
                ["Closed by removing", record.bindings],
                ["Stands for", record.count === "1" ? "" : counted(Number(record.count), "account")],
            ]),
            links(
                ["Direct access of the subject", link("access", { zone, subject, expected: "every" })],
                ...(namespace === "*" ? [] : [["Namespace", link("namespaces", {}, { row: [zone, namespace] })]]),
                ...(repository === "*" ? [] : [["Repository", link("repositories", {}, { row: [zone, namespace, repository] })]]),
                ["All routes of the subject", link("routes", { zone, subject_kind, subject })],
            ),
        ],
    };
}
