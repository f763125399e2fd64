// Fills the templates of commands, so that they can be pasted into a shell whatever the names are.

// As audit/checks/remedies.py quotes: the same command for the same grant everywhere.
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const EACH_CONTROL = new RegExp(CONTROL.source, "g");

// Return a text as one word of a shell. Control characters are written as bash escapes: a command is one line.
export function quoted(word) {
    if (PLAIN.test(word)) return word;
    if (!CONTROL.test(word)) return `'${word.replaceAll("'", `'"'"'`)}'`;
    const plain = word.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
    return `$'${plain.replace(EACH_CONTROL, bytes)}'`;
}

function bytes(letter) {
    return [...new TextEncoder().encode(letter)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

// Return a command with its names, each quoted. `--` is needed only before a name that looks like an option.
export function fill(template, names) {
    const dashed = Object.values(names).some((name) => name.startsWith("-"));
    const words = dashed ? template : template.replace(" -- ", " ");
    return words.replace(/\{(\w+)\}/g, (_, name) => quoted(names[name]));
}

const PREFIX = { User: "user", Group: "group", ServiceAccount: "sa" };

// Return the strongest action that a row allows, or may allow.
function strongest(row) {
    for (const answer of ["yes", "unknown"]) {
        for (const action of ["create", "push", "pull"]) if (row[action] === answer) return action;
    }
    return "";
}

// Return the commands that check a row of access: ours, which explains its answer, and the API server's own answers.
// `oc auth can-i` is not among them: it cannot ask about `imagestreams/layers` in one word, as the registry does.
export function checks(rules, row, groups) {
    const action = strongest(row);
    if (!action || !PREFIX[row.subject_kind]) return [];
    const repository = row.repository === "*" ? "" : row.repository;
    const reviews = rules.questions[action].map((question) => review(rules, row, question, repository, groups));
    if (row.namespace === "*") return reviews;
    const names = {
        subject: `${PREFIX[row.subject_kind]}/${row.subject}`,
        action,
        place: repository ? `${row.namespace}/${repository}` : row.namespace,
        zone: row.zone,
    };
    return [fill(rules.can, names), ...reviews];
}

function review(rules, row, { verb, resource, named }, repository, groups) {
    const attributes = { group: rules.api_group, resource, verb };
    if (row.namespace !== "*") attributes.namespace = row.namespace;
    if (repository && named) attributes.name = repository;
    const user = { User: row.subject, ServiceAccount: `${rules.account_prefix}${row.subject}` }[row.subject_kind];
    const spec = { ...(user ? { user } : {}), groups, resourceAttributes: attributes };
    const body = JSON.stringify({ apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec });
    return fill(rules.review, { review: body });
}

// Return the commands that remove a grant: the subject from its binding, and a user from the group.
export function removals(rules, grant) {
    const [kind, name] = grant.group ? ["Group", grant.group] : [grant.subject_kind, grant.subject];
    const template = rules.remove[`${grant.binding_kind} ${grant.role_kind} ${kind}`];
    const commands = [];
    if (template && grant.binding && grant.role) {
        const subject = kind === "ServiceAccount" ? `${rules.account_prefix}${name}` : name;
        const { namespace, binding, role } = grant;
        commands.push(fill(template, { namespace, binding, role, user: subject, group: subject }));
    }
    if (grant.group && grant.subject_kind === "User")
        commands.push(fill(rules.leave, { group: grant.group, user: grant.subject }));
    return commands;
}
