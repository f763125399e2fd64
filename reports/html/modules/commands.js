// The commands that check a right and take it away, fit to be pasted into a shell whatever the names hold.

// Both as audit/checks/remedies.py has them: the same command for the same grant everywhere.
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const EACH_CONTROL = new RegExp(CONTROL.source, "g");

// Return a text as one word of a shell; with control characters, as bash spells them, so that a command is one line.
export function quoted(word) {
    if (PLAIN.test(word)) return word;
    if (!CONTROL.test(word)) return `'${word.replaceAll("'", `'"'"'`)}'`;
    const plain = word.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
    return `$'${plain.replace(EACH_CONTROL, bytes)}'`;
}

function bytes(letter) {
    return [...new TextEncoder().encode(letter)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

// An option takes a word that begins with a dash only behind an equals sign.
function option(name, word) {
    return `${name}=${quoted(word)}`;
}

const SPELLED = { User: "user", Group: "group", ServiceAccount: "sa" };
const ASKED = {
    pull: ["get", "imagestreams/layers"],
    push: ["update", "imagestreams/layers"],
    create: ["create", "imagestreams"],
};

// Return the strongest right that a row has, or may have.
function strongest(row) {
    for (const answer of ["yes", "unknown"]) {
        for (const action of ["create", "push", "pull"]) if (row[action] === answer) return action;
    }
    return "";
}

// Return the commands that check a row of access: our own answer with its reason, and the cluster's.
// `oc auth can-i` is not among them: it cannot ask about `imagestreams/layers` as the registry does, in one word.
export function checks(row, groups) {
    const action = strongest(row);
    if (!action || !SPELLED[row.subject_kind]) return [];
    const named = row.repository === "*" ? "" : row.repository;
    const where = quoted(named ? `${row.namespace}/${named}` : row.namespace);
    const ours = `registry-audit can ${quoted(`${SPELLED[row.subject_kind]}/${row.subject}`)} ${action} ${where} ${option("--zone", row.zone)} --snapshot snapshots`;
    // Creating a repository by pushing takes both rights.
    const theirs = (action === "create" ? ["push", "create"] : [action]).map((one) => review(row, one, named, groups));
    return row.namespace === "*" ? theirs : [ours, ...theirs];
}

function review(row, action, name, groups) {
    const [verb, resource] = ASKED[action];
    const attributes = { group: "image.openshift.io", resource, verb };
    if (row.namespace !== "*") attributes.namespace = row.namespace;
    if (name && action !== "create") attributes.name = name;
    const spec = { ...identity(row, groups), resourceAttributes: attributes };
    const body = JSON.stringify({ apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec });
    return `oc create -o jsonpath='{.status}' -f - <<< ${quoted(body)}`;
}

function identity(row, groups) {
    if (row.subject_kind === "Group") return { groups: [row.subject] };
    if (row.subject_kind === "ServiceAccount") {
        const own = [
            "system:serviceaccounts",
            `system:serviceaccounts:${row.subject.split(":")[0]}`,
            "system:authenticated",
        ];
        return { user: account(row.subject), groups: own };
    }
    if (row.subject === "system:anonymous") return { user: row.subject, groups: ["system:unauthenticated"] };
    return { user: row.subject, groups: [...groups, "system:authenticated", "system:authenticated:oauth"] };
}

function account(name) {
    return `system:serviceaccount:${name}`;
}

// Return the command that takes a grant away, and what to know before running it.
export function removal(grant) {
    if (!grant.binding || !grant.role) return null;
    const [kind, name] = grant.group ? ["Group", grant.group] : [grant.subject_kind, grant.subject];
    if (!SPELLED[kind]) return null;
    const subject = kind === "ServiceAccount" ? account(name) : name;
    const verb = kind === "Group" ? "group" : "user";
    const only = option("--rolebinding-name", grant.binding);
    if (grant.binding_kind === "ClusterRoleBinding")
        return `oc adm policy remove-cluster-role-from-${verb} ${only} ${names(grant.role, subject)}`;
    const local = grant.role_kind === "Role" ? ` ${option("--role-namespace", grant.namespace)}` : "";
    return `oc adm policy remove-role-from-${verb} -n ${quoted(grant.namespace)} ${only}${local} ${names(grant.role, subject)}`;
}

// Names behind the options; one that looks like an option is told from one.
function names(...words) {
    const told = words.map(quoted).join(" ");
    return words.some((word) => word.startsWith("-")) ? `-- ${told}` : told;
}

// A person can also leave the group that lets them in.
export function leaving(grant) {
    return grant.group && grant.subject_kind === "User"
        ? `oc adm groups remove-users ${names(grant.group, grant.subject)}`
        : null;
}
