//! Files that say something of themselves.

/// A second of silence that says what it is: an `ID3v2` tag, and the head of an MPEG frame.
pub(crate) fn song() -> Vec<u8> {
    let mut frames = Vec::new();
    for (id, text) in [("TIT2", "Between the tides"), ("TPE1", "The Moorings"), ("TALB", "Harbour")]
    {
        frames.extend(id.as_bytes());
        frames.extend((text.len() as u32 + 1).to_be_bytes());
        frames.extend([0, 0, 3]);
        frames.extend(text.as_bytes());
    }
    let mut out = b"ID3\x03\0\0\0\0\0".to_vec();
    out.push(frames.len() as u8);
    out.extend(frames);
    // 128,000 bits a second, 44,100 samples a second, two channels.
    out.extend([0xFF, 0xFB, 0x90, 0x00]);
    out.resize(out.len() + 3_000_000, 0);
    out
}

/// A page with a heading, some lines and a drawing, as PDF (ISO 32000).
pub(crate) fn chart() -> Vec<u8> {
    let drawing = "0.02 0.42 0.45 rg 72 420 200 130 re f 0.95 0.75 0.2 rg 300 420 120 190 re f \
                   0 g BT /F1 30 Tf 72 720 Td (Chart of the harbour) Tj ET \
                   BT /F1 13 Tf 16 TL 72 680 Td (Depths are in metres below the lowest tide.) Tj \
                   T* (The light at the mole is white, every five seconds.) Tj ET \
                   0.3 w 72 400 m 520 400 l S";
    let contents = format!("<< /Length {} >>\nstream\n{drawing}\nendstream", drawing.len());
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
                /Resources << /Font << /F1 5 0 R >> >> >>";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        &contents,
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ];
    let (mut out, mut places) = (String::from("%PDF-1.4\n"), Vec::new());
    for (index, object) in objects.iter().enumerate() {
        places.push(format!("{:010} 00000 n \n", out.len()));
        out = format!("{out}{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let (size, start, places) = (objects.len() + 1, out.len(), places.concat());
    let table = format!("xref\n0 {size}\n0000000000 65535 f \n{places}");
    let trailer = format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    [out, table, trailer].concat().into_bytes()
}
