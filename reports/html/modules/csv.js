// Rows as CSV, as in the files of the run (reports/csv.py): RFC 4180, and harmless in a spreadsheet.

// Characters that show nothing, as in audit/tables/spreadsheet.py.
const INVISIBLE =
    "\\x00-\\x20\\x7f-\\xa0\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f" +
    "\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\u{110bd}\\u{110cd}\\u{13430}-\\u{1343f}\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}";
const FORMULA = new RegExp(`^(?:[\\s${INVISIBLE}]*[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20]|[\\t\\r\\n]|')`, "u");
const QUOTED = /[",\r\n]/;

// Return one cell. A text that a spreadsheet could take for a formula gets an apostrophe.
export function cell(text) {
    const harmless = FORMULA.test(text) ? `'${text}` : text;
    return QUOTED.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

// Return the CSV. `remarks` come before the header, each a line of one cell that begins with `#`.
export function csv(table, rows, columns, remarks) {
    const lines = remarks.map((remark) => cell(`# ${remark}`));
    lines.push(columns.join(","));
    const cells = columns.map((name) => cellsOf(table.column(name)));
    for (const row of rows) lines.push(cells.map((cellAt) => cellAt(row)).join(","));
    return `${lines.join("\r\n")}\r\n`;
}

function cellsOf(column) {
    if (column.numbers && !column.words) return (row) => String(column.numbers[row]);
    const escaped = new Array(column.values.length);
    const { codes, values } = column;
    return (row) => (escaped[codes[row]] ??= cell(values[codes[row]]));
}

// Let the browser save a file.
export function download(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
