// What the program knows of authorization, as reports/html/authorization.py writes it: nothing is decided here.
import { unpacked } from "./data_blocks.js";

let loading = null;

// Return `acts_as` (patterns of subjects), `questions` (by action), and templates of commands.
export function authorization() {
    loading ??= unpacked("authorization").then(({ head }) => head);
    return loading;
}

// Return the subjects whose access a subject has too, as pairs of kind and name: itself and its virtual groups, and
// those that stand for missing data. The groups that list a subject are already in its own rows.
export async function actsAs(kind, name) {
    const { acts_as } = await authorization();
    const pattern = acts_as.find(
        ([of, start, exact]) => of === kind && (exact ? name === start : name.startsWith(start)),
    );
    const namespace = name.split(":")[0];
    const others = (pattern?.[3] ?? []).map(([of, other]) => [of, other.replace("{namespace}", () => namespace)]);
    return [[kind, name], ...others];
}

// Return the virtual groups of a subject.
export async function virtualGroups(kind, name) {
    return (await actsAs(kind, name))
        .slice(1)
        .filter(([of]) => of === "Group")
        .map(([, group]) => group);
}
