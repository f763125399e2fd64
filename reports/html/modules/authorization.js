// What the program knows of authorization, as reports/html/authorization.py writes it: nothing is decided here.
import { unpacked } from "./data_blocks.js";

let loading = null;

// Return `questions` (by action), `remove` and `leave` (templates of commands), and `account_prefix`.
export function authorization() {
    loading ??= unpacked("authorization").then(({ head }) => head);
    return loading;
}
