// Reads the data blocks of the page; reports/html/data_blocks.py says how they are packed.

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i8: Int8Array, i16: Int16Array, i32: Int32Array };

// Return the head and the parts of a block, and remove it from the page: its text is not needed again.
export async function unpacked(name) {
    const element = document.getElementById(`block-${name}`);
    const packed = bytesOf(element.textContent);
    element.remove();
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const buffer = await new Response(stream).arrayBuffer();
    const size = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    const parts = {};
    for (const [part, { at, length, type }] of Object.entries(head.parts)) {
        parts[part] = new ARRAYS[type](buffer, 4 + size + at, length);
    }
    return { head, parts };
}

function bytesOf(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
    return bytes;
}

// Return all texts that tables point into.
export async function textsOf() {
    const { parts } = await unpacked("texts");
    const whole = new TextDecoder("utf-8", { ignoreBOM: true }).decode(parts.utf8);
    const texts = new Array(parts.lengths.length);
    let at = 0;
    for (let row = 0; row < texts.length; row++) texts[row] = whole.slice(at, (at += parts.lengths[row]));
    return texts;
}
