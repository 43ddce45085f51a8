//! Small files made by hand, and rubbish.

use super::*;
use crate::report::caught;

/// A file of two pages; `page` is what the dictionary of the first one says of its boxes,
/// `content` what is drawn, `trailer` what stands in the trailer beside the root.
fn pdf(page: &str, content: &str, trailer: &str) -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Count 2/Kids[3 0 R 6 0 R]>>".to_owned(),
        format!("<</Type/Page/Parent 2 0 R{page}/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>".to_owned(),
    ];
    let mut places = vec![0];
    let mut out = b"%PDF-1.4\n".to_vec();
    for (number, object) in (1..).zip(&objects) {
        places.push(out.len());
        write!(out, "{number} 0 obj\n{object}\nendobj\n").expect("memory");
    }
    let table = out.len();
    let size = places.len();
    let places: Vec<_> = places.iter().map(|at| format!("{at:010} 00000 n \n")).collect();
    write!(out, "xref\n0 {size}\n{}", places.concat()).expect("memory");
    write!(out, "trailer\n<</Size {size}/Root 1 0 R{trailer}>>\n").expect("memory");
    write!(out, "startxref\n{table}\n%%EOF\n").expect("memory");
    out
}

/// The left half of a wide page is blue.
fn half() -> Vec<u8> {
    pdf("/MediaBox[0 0 200 100]", "0.2 0.4 0.6 rg 0 0 100 100 re f", "")
}

fn pixel(picture: &Picture, x: usize, y: usize) -> &[u8] {
    &picture.rgba[(y * picture.width + x) * 4..][..4]
}

#[test]
fn the_first_page_is_drawn_on_white() {
    let page = first_page(half(), 400).expect("a page");
    assert_eq!(page.count, 2);
    let picture = page.picture;
    assert_eq!((picture.width, picture.height, picture.rgba.len()), (400, 200, 400 * 200 * 4));
    for y in [0, 100, 199] {
        assert_eq!(pixel(&picture, 0, y), [51, 102, 153, 255]);
        assert_eq!(pixel(&picture, 198, y), [51, 102, 153, 255]);
        assert_eq!(pixel(&picture, 201, y), [255; 4]);
        assert_eq!(pixel(&picture, 399, y), [255; 4]);
    }
}

#[test]
fn a_page_is_turned_as_it_says_and_not_made_much_bigger() {
    let turned = pdf("/MediaBox[0 0 200 100]/Rotate 90", "0 0 1 rg 0 0 100 100 re f", "");
    let picture = first_page(turned, 100).expect("a page").picture;
    assert_eq!((picture.width, picture.height), (50, 100));
    assert_eq!(pixel(&picture, 25, 10), [0, 0, 255, 255], "left becomes upper");
    assert_eq!(pixel(&picture, 25, 90), [255; 4]);
    let picture = first_page(pdf("/MediaBox[0 0 20 10]", "", ""), 4_000).expect("a page").picture;
    assert_eq!((picture.width, picture.height), (80, 40));
}

#[test]
fn text_in_a_font_that_the_file_does_not_have_is_seen() {
    let text = pdf("/MediaBox[0 0 200 50]", "BT /F 30 Tf 10 10 Td (Coffer) Tj ET", "");
    let picture = first_page(text, 200).expect("a page").picture;
    let dark = picture.rgba.chunks(4).filter(|pixel| pixel[0] < 100).count();
    assert!((200..5_000).contains(&dark), "{dark}");
}

#[test]
fn no_page_is_drawn_bigger_than_asked_for() {
    for size in [
        "0 0 14400 1",
        "0 0 1 14400",
        "0 0 1e30 1e30",
        "0 0 99999999999999999999999999999999999999999999 5",
        "0 0 0 0",
        "9 9 -9 -9",
        "0 0 0.001 0.001",
        "-1000000 -1000000 1000000 1000000",
    ] {
        let page = first_page(pdf(&format!("/MediaBox[{size}]"), "0 0 5 5 re f", ""), 64);
        let sides = page.map(|page| (page.picture.width, page.picture.height));
        let is_bounded = |side: usize| (1..=64).contains(&side);
        assert!(
            sides.is_err() || sides.is_ok_and(|(x, y)| is_bounded(x) && is_bounded(y)),
            "{size}: {sides:?}"
        );
    }
}

#[test]
fn what_is_locked_and_what_is_no_pdf_is_told_apart() {
    let key = "00".repeat(32);
    let lock = format!("/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{key}>/U<{key}>>>");
    let locked = pdf("/MediaBox[0 0 9 9]", "", &lock);
    assert_eq!(first_page(locked, 64), Err(Unshown::Locked));
    assert_eq!(first_page(b"no such thing".to_vec(), 64), Err(Unshown::Broken));
    assert_eq!(first_page(Vec::new(), 64), Err(Unshown::Broken));
    assert_eq!(first_page(b"%PDF-1.4\n%%EOF".to_vec(), 64), Err(Unshown::Broken));
}

#[test]
fn what_is_damaged_or_cut_off_has_an_answer() {
    let whole = half();
    for at in (0..whole.len()).step_by(13) {
        let cut_off = whole[..at].to_vec();
        let mut changed = whole.clone();
        changed[at] ^= 0x15;
        for bytes in [cut_off, changed] {
            // A panic ends the process that draws, and is an answer.
            let drawn = caught(|| first_page(bytes, 16));
            if let Some(Ok(page)) = drawn {
                assert!(page.picture.width <= 16 && page.picture.height <= 16, "{at}");
            }
        }
    }
}

#[test]
fn answers_are_read_and_lies_are_not_believed() {
    let page = first_page(half(), 40).expect("a page");
    let good = answer(Ok(page.clone()));
    assert!(good.len() as u64 <= longest_answer(40));
    assert_eq!(understood(&good, 40), Ok(page));
    assert_eq!(understood(&answer(Err(Unshown::Locked)), 40), Err(Unshown::Locked));
    assert_eq!(understood(&answer(Err(Unshown::Broken)), 40), Err(Unshown::Broken));
    assert_eq!(understood(&good, 39), Err(Unshown::Broken), "bigger than asked for");
    let mut long = good.clone();
    long.push(0);
    let mut none = good.clone();
    none[1..5].fill(0);
    let mut empty = vec![PAGE, 1, 0, 0, 0];
    empty.extend([0; 8]);
    for lie in [&good[..good.len() - 1], &long, &none, &empty, &[], &[PAGE], &[77], &[LOCKED, 0]] {
        assert_eq!(understood(lie, 40), Err(Unshown::Broken));
    }
}
