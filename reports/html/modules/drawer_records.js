// The drawers of a change, a comparison of zones, a privileged right, a repository, an organization, and a line of coverage.
import { link } from "./address.js";
import { counted } from "./dom.js";
import { facts, links } from "./drawer_parts.js";
import { capital, namespaceWords, place, when, who } from "./words.js";

export async function changeDrawer(record) {
    const key = [record.zone, record.namespace, record.repository, record.subject_kind, record.subject];
    const current = record.object === "access" && record.change !== "lost";
    return {
        title: `${capital(record.change)}: ${record.subject || record.namespace || record.binding}`,
        why: record.cause || `${capital(record.object)} ${record.change}.`,
        parts: [
            facts([
                ["Before", record.before || "no access"],
                ["After", record.after || "no access"],
                ["Where", place(record)],
                ["Who", record.subject && who(record)],
                ["Binding", record.binding && `${record.binding_kind} ${record.binding}`],
                ["Since", record.since],
                ["Compared with", record.from_run],
            ]),
            current ? links(["Current access", link("access", { expected: "every" }, { row: key })]) : null,
        ],
    };
}

export async function acrossDrawer(record) {
    const { subject_kind, subject, namespace, repository } = record;
    const zones = record.present.split(", ");
    return {
        title: `${subject} in ${namespaceWords(namespace)}`,
        why: `${capital(who(record))}: ${record.rights}.${record.absent ? ` No such row in ${record.absent}.` : ""}`,
        parts: [
            facts([
                ["Difference", record.difference],
                ["Repository", repository === "*" ? "" : repository],
            ]),
            links(
                ...zones.map((zone) => [
                    `Access in ${zone}`,
                    link("access", { expected: "every" }, { row: [zone, namespace, repository, subject_kind, subject] }),
                ]),
            ),
        ],
    };
}

export async function privilegedDrawer(record) {
    const key = ["zone", "namespace", "repository", "subject_kind", "subject", "binding_kind", "binding", "group"];
    const owner = record.platform === "yes" ? "the platform" : record.organization || "nobody that is known";
    return {
        title: record.subject,
        why: `${capital(who(record))} has ${record.rights} in ${place(record)}, and belongs to ${owner}.`,
        parts: [
            facts([
                ["Rights", record.rights],
                ["Through group", record.group],
                ["Binding", record.binding && `${record.binding_kind} ${record.binding}`],
                ["Role", record.role && `${record.role_kind} ${record.role}`],
                ["Aggregated from", record.aggregated_from],
                ["Rule", record.rule],
                ["Since", record.since],
                ["Last used", record.last_used],
                ["Lacks", record.lacks],
            ]),
            links([
                "Its grants by this binding",
                link("grants", Object.fromEntries(key.map((name) => [name, record[name]]).filter(([, value]) => value))),
            ]),
        ],
    };
}

export async function repositoryDrawer(record) {
    const place = { zone: record.zone, namespace: record.namespace };
    const access = {
        zone: record.zone,
        in: record.namespace,
        repository: ["*", record.repository],
        expected: "every",
    };
    const subjects = (count) => counted(Number(count), "subject");
    return {
        title: `${record.namespace}/${record.repository}`,
        why: `${record.pushed ? `Last pushed ${when(record.pushed)}` : "Never pushed"}. Role bindings of the namespace let ${subjects(record.push_subjects)} push and ${subjects(record.pull_subjects)} pull.`,
        parts: [
            links(
                ["Access", link("access", access)],
                ["Namespace", link("namespaces", place, { row: [record.zone, record.namespace] })],
            ),
            facts([
                ["Created", record.created],
                ["Open for pull", record.open_pull],
                ["Open for push", record.open_push],
            ]),
        ],
    };
}

const MEMBERSHIP = {
    same: "The group in the zone has the members that the control API lists.",
    differs: "The group in the zone and the control API list different members.",
    "no-group": "The zone has no such group.",
    "not-declared": "The control API has no such organization or team.",
    "not-asked": "No control API was queried.",
    "only-declared": "The control API lists this member, the group in the zone does not.",
    "only-in-zone": "The group in the zone lists this member, the control API does not.",
};

export async function organizationDrawer(record) {
    return {
        title: record.subject || record.group || record.organization,
        why: MEMBERSHIP[record.state] ?? "Unknown: the data that decides it is missing.",
        parts: [
            facts(Object.entries(record)),
            links(["Namespaces", link("namespaces", { zone: record.zone, organization: record.organization })]),
        ],
    };
}

export async function coverageDrawer(record) {
    return {
        title: `${record.kind} of ${record.zone}`,
        why:
            record.state === "seen"
                ? `${counted(Number(record.count), "object")} listed.`
                : `${capital(record.state)}: ${record.detail}`,
        parts: [facts(Object.entries(record).map(([name, value]) => [name.replace("_", " "), value]))],
    };
}
