// The views that show rows. A view has: `table`, `columns`, `facets` (columns to filter by), `searched` (columns that
// the search looks into), `key` (columns that identify a row), `frozen` (columns that stay when others are scrolled away),
// `load` (what makes its table, where it is none of the report), `folded` (rows that are hidden at first), `groups` (columns to group by beside the usual ones), and texts.
import { ACCESS_VIEWS } from "./views_access.js";
import { FINDING_VIEWS } from "./views_findings.js";

export const VIEWS = { ...FINDING_VIEWS, ...ACCESS_VIEWS };
