// The drawers of a finding, an exception and a control.
import { link } from "./address.js";
import { counted, make, shown } from "./dom.js";
import { authorization } from "./authorization.js";
import { chain, code, command, facts, heading, links, most } from "./drawer_parts.js";
import { matching } from "./query.js";
import { spelled } from "./reach.js";
import { exceptions } from "./selection.js";
import { table } from "./tables.js";
import { who } from "./words.js";

// Return a link to the rows that show a finding.
function evidence(record) {
    if (!record.evidence_in || !Number(record.rows)) return [];
    const place = { zone: record.zone, namespace: record.namespace };
    const hidden = record.evidence_in === "access" ? { expected: "every" } : {};
    const wanted = record.subject ? { ...place, subject: record.subject, ...hidden } : place;
    return [[`${counted(Number(record.rows), "row")} of evidence`, link(record.evidence_in, wanted)]];
}

// Return a link to all access of a finding's subject in its namespace.
function access(record) {
    if (!record.subject || record.subject === "*") return [];
    const wanted = { zone: record.zone, for: spelled(record.subject_kind, record.subject), in: record.namespace };
    return [["Access of the subject there", link("access", { ...wanted, expected: "every" })]];
}

// Return the grants that a finding is about: of its subject by its binding.
async function grantsOf(record) {
    if (!record.binding) return [];
    const grants = await table("grants");
    const { zone, namespace, binding_kind, binding, subject } = record;
    const wanted = { zone, namespace, binding_kind, binding, ...(subject ? { subject } : {}) };
    return matching(grants, wanted).map((row) => grants.record(row));
}

export async function findingDrawer(record) {
    const unknown = record.answer === "unknown";
    const grants = await grantsOf(record);
    const { checks } = await authorization();
    return {
        title: record.title,
        why: record.detail,
        parts: [
            unknown ? make("p", { class: "caveat" }, "Unknown: the data that decides it is missing.") : null,
            links(
                ...evidence(record),
                ["Namespace", link("namespaces", { zone: record.zone, namespace: record.namespace })],
                ...access(record),
                ...(record.cause ? [["Cause, with its fix", link("causes", {}, { row: [record.cause] })]] : []),
            ),
            facts([
                ["Zone", record.zone],
                ["Namespace", record.namespace === "*" ? "all namespaces" : record.namespace],
                ["Subject", record.subject && record.subject !== "*" ? who(record) : ""],
                ["Since", grants[0]?.since ?? ""],
            ]),
            checks[record.check] ? [heading("Why it matters"), make("p", {}, shown(checks[record.check]))] : null,
            grants.length ? [heading("Grant"), grants.slice(0, most()).map(chain)] : null,
            record.remedy ? [heading(`Fix in zone ${shown(record.zone)}`), command(record.remedy)] : null,
            record.state === "gone" ? null : [heading("Accept it instead"), command(exceptions([record]))],
            heading("History"),
            facts([
                ["State", record.state],
                ["First seen", record.first_seen],
                ["Last seen", record.last_seen],
                ["Exception", record.exception],
                ["Until", record.until],
            ]),
            heading("Details"),
            facts([
                ["Severity", record.severity],
                ["Confidence", record.confidence],
                ["Check", record.check],
                ["Controls", record.controls],
                ["Binding", record.binding && `${record.binding_kind} ${record.binding}`],
                ["Role", record.role && `${record.role_kind} ${record.role}`],
                ["ID", record.id],
            ]),
        ],
    };
}

export async function exceptionDrawer(record) {
    return {
        title: record.id,
        why: `${record.decided_by || "Unknown person"} accepted ${record.check} ${record.until ? `until ${record.until}` : "without an end date"}: ${record.reason}`,
        parts: [
            facts([
                ["State", record.state],
                ["Zones", record.zone],
                ["Namespaces", record.namespace],
                ["Subjects", record.subject],
                ["Ticket", record.ticket],
                ["Findings", record.findings],
            ]),
            links(["Accepted findings", link("findings", { exception: record.id, state: "every" })]),
        ],
    };
}

export async function controlDrawer(record) {
    const checks = record.checks ? record.checks.split(", ") : [];
    const answered =
        record.answered === "no"
            ? "This report does not answer it."
            : `This report answers it ${record.answered}, with ${counted(Number(record.findings), "open finding")}.`;
    return {
        title: `${record.framework} ${record.control}`,
        why: `${record.asks} ${answered}`,
        parts: [
            heading("Not answered by this report"),
            make("p", {}, shown(record.not_answered)),
            heading("Checks"),
            checks.length
                ? [
                      links(...checks.map((check) => [check, link("findings", { check, state: "every" })])),
                      links(["All open findings of these checks", link("findings", { check: checks })]),
                  ]
                : make("p", {}, "None."),
            heading("Tables"),
            make("p", {}, record.tables ? code(record.tables) : "None."),
            heading("Framework"),
            facts([
                ["Edition", record.edition],
                ["Source", record.source],
            ]),
        ],
    };
}
