//! The book as a reader sees it: on a screen and on a phone, light and dark, with a mouse and without one.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]

mod browser;

use std::path::{Path, PathBuf};
use std::process::Command;

use browser::Browser;

const SCREEN: u32 = 1200;
/// A small phone, in CSS pixels.
const PHONE: u32 = 360;

/// The book, built once per test into a folder of its own.
fn build(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let tool = root.join("target/tools/bin/mdbook");
    let tool = if tool.exists() { tool } else { PathBuf::from("mdbook") };
    let output = Command::new(tool).arg("build").arg(root.join("docs")).arg("-d").arg(folder).output();
    let output = output.expect("mdbook starts (cargo install mdbook)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

/// Every page of the book, named from its root.
fn pages(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    // Parts of mdBook's own, and the page that is all pages.
    found.retain(|page| !["toc.html", "print.html", "404.html"].contains(&page.as_str()));
    found.sort();
    assert!(found.len() > 30, "only {} pages", found.len());
    found
}

/// What hangs over the right edge: elements that no box of their own lets scroll.
const TOO_WIDE: &str = r"(() => {
    const width = document.documentElement.clientWidth;
    const scrolls = element => {
        for (let box = element.parentElement; box && box.tagName !== 'MAIN'; box = box.parentElement) {
            if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(box).overflowX)) return true;
        }
        return false;
    };
    const found = [...document.querySelectorAll('main *, body > *:not(nav) > h1')]
        .filter(e => e.getBoundingClientRect().right > width + 1 && !scrolls(e))
        .map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.trim().slice(0, 40));
    // The theme lets its content box scroll both ways.
    const content = document.querySelector('.content');
    if (content && content.scrollWidth > content.clientWidth) found.push('the content: ' + content.scrollWidth);
    if (document.documentElement.scrollWidth > width) found.push('the page: ' + document.documentElement.scrollWidth);
    return found.slice(0, 5);
})()";

/// What is white in the dark: grounds, and pictures that are not turned around.
const WHITE: &str = r"(() => {
    const bright = colour => {
        const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
        return a > 0.5 && 0.2126 * r + 0.7152 * g + 0.0722 * b > 140;
    };
    const found = [document.documentElement, document.body, ...document.querySelectorAll('main *')]
        .filter(e => e.getClientRects().length && e.tagName !== 'MARK' && bright(getComputedStyle(e).backgroundColor))
        .map(e => e.tagName + ' ' + e.className);
    for (const picture of document.querySelectorAll('main img')) {
        if (!getComputedStyle(picture).filter.includes('invert')) found.push('IMG ' + picture.getAttribute('src'));
    }
    return found.slice(0, 5);
})()";

const BROKEN: &str = r"[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)
    .concat(document.querySelector('h1') ? [] : ['no heading'])";

#[test]
#[ignore = "needs chromium and mdbook"]
fn every_page_fits_a_screen_and_a_phone_by_day_and_by_night() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path());
    let mut browser = Browser::start();
    let mut complaints = Vec::new();
    let pages = pages(folder.path());
    for page in &pages {
        // The book asks how wide and how dark it is when a page is loaded.
        browser.dress(PHONE, false);
        browser.open(&folder.path().join(page));
        let mut looks = vec![("too wide for a phone", browser.ask(TOO_WIDE))];
        browser.photograph(&format!("phone-{page}"));
        browser.dress(SCREEN, true);
        browser.open(&folder.path().join(page));
        looks.push(("too wide for a screen", browser.ask(TOO_WIDE)));
        looks.push(("broken", browser.ask(BROKEN)));
        looks.push(("white in the dark", browser.ask(WHITE)));
        browser.photograph(&format!("dark-{page}"));
        for (what, found) in looks {
            if found.as_array().is_none_or(|list| !list.is_empty()) {
                complaints.push(format!("{page}: {what}: {found}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{} defects:\n{}", complaints.len(), complaints.join("\n"));
    assert!(browser.console.is_empty(), "the console says: {:#?}", browser.console);
}

#[test]
#[ignore = "needs chromium and mdbook"]
fn a_quiz_is_answered_by_keyboard_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path());
    let mut browser = Browser::start();
    browser.dress(SCREEN, false);
    browser.open(&folder.path().join("phase2/decoder.html"));
    let answers = "[...document.querySelectorAll('.quiz > ol > li')].map(q => 'abcd'.indexOf(q.querySelector('details strong').textContent))";
    let answers: Vec<usize> = serde_json::from_value(browser.ask(answers)).unwrap();
    assert_eq!(answers.len(), 3);
    assert_eq!(browser.ask("document.querySelector('.quiz details').checkVisibility()"), false);
    browser.ask("document.querySelector('.quiz input').focus()");
    for (number, right) in answers.iter().enumerate() {
        // The first question gets a wrong answer.
        let chosen = if number == 0 { (right + 1) % 3 } else { *right };
        browser.press(" ");
        for _ in 0..chosen {
            browser.press("ArrowDown");
        }
        browser.press("Tab");
        browser.press("Enter");
    }
    let verdicts = "[...document.querySelectorAll('.quiz-verdict')].map(v => v.textContent)";
    let verdicts: Vec<String> = serde_json::from_value(browser.ask(verdicts)).unwrap();
    assert!(verdicts[0].starts_with("Not ") && verdicts[1..] == ["Right.", "Right."], "{verdicts:?}");
    assert_eq!(browser.ask("document.querySelector('.quiz-score').textContent"), "Your score: 2 of 3.");
    assert_eq!(browser.ask("document.querySelector('.quiz details').checkVisibility()"), true);
    assert!(
        browser
            .ask("document.querySelector('.reading-time').textContent")
            .as_str()
            .unwrap()
            .contains("minutes")
    );
    assert!(
        browser.ask("location.pathname").as_str().unwrap().ends_with("decoder.html"),
        "the page was turned"
    );
    browser.photograph("quiz-answered");
    assert!(browser.console.is_empty(), "the console says: {:#?}", browser.console);
}

#[test]
#[ignore = "needs chromium and mdbook"]
fn the_timeline_loads_each_sample_and_is_stepped_by_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path());
    let drive = r"(() => {
        const select = document.getElementById('sample'), said = [];
        const place = () => parseInt((document.getElementById('details').textContent.match(/(\d+) of \d+/) || [])[1]);
        const press = key => document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
        for (const option of select.options) {
            select.value = option.value; select.dispatchEvent(new Event('change'));
            const start = place(); press('ArrowRight'); press('ArrowRight'); const forward = place();
            press('ArrowLeft'); const back = place(); press('End'); const end = place(); press('Home');
            press('+'); press('0'); press('ArrowDown');
            said.push(start === 1 && forward === 3 && back === 2 && end > 3 ? 'stepped' : [option.value, start, forward, back, end].join());
        }
        return said;
    })()";
    let mut browser = Browser::start();
    browser.dress(SCREEN, false);
    browser.open(&folder.path().join("timeline.html"));
    assert_eq!(browser.ask(drive), serde_json::json!(["stepped", "stepped", "stepped", "stepped"]));
    assert!(browser.console.is_empty(), "the console says: {:#?}", browser.console);
}
