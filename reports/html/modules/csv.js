// Rows as CSV, as in the files of the run (reports/csv.py): RFC 4180, and harmless in a spreadsheet.

const FORMULA = /^(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]|')/u;
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
