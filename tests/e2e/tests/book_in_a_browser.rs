//! The book as a reader sees it: every page opens without a complaint, and the timeline is driven by keys.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Opens a page headless and returns what its scripts reported, and what the console said.
fn open(page: &Path) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .args([
            "90",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-sync",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--allow-file-access-from-files",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--virtual-time-budget=20000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium starts");
    let console: Vec<String> = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .map(str::to_owned)
        .collect();
    let dom = String::from_utf8_lossy(&output.stdout);
    // The page's own report, without the script that wrote it.
    let report = dom.split("<pre id=\"r\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    (report.unwrap_or(&dom).to_owned(), console.join("\n"))
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "html") {
            found.push(path);
        }
    }
}

#[test]
#[ignore = "needs chromium and mdbook"]
fn every_page_opens_without_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path());
    let mut found = Vec::new();
    pages(folder.path(), &mut found);
    found.retain(|page| !["toc.html", "print.html", "404.html"].iter().any(|name| page.ends_with(name)));
    assert!(found.len() > 30, "only {} pages", found.len());
    // One browser, one page that frames them all in turn: forty starts would take minutes.
    let names: Vec<String> = found
        .iter()
        .map(|page| format!("\"{}\"", page.strip_prefix(folder.path()).unwrap().display()))
        .collect();
    let visit = format!(
        "<body><iframe id=f width=1200 height=800></iframe><pre id=r></pre><script>\n\
         const pages=[{}],f=document.getElementById('f'),r=document.getElementById('r');let i=0;\n\
         f.onload=()=>{{const d=f.contentDocument;const broken=[...d.images].filter(m=>m.complete&&!m.naturalWidth).map(m=>m.src);\
         r.textContent+=pages[i]+' '+(d.querySelector('h1')?'ok':'NO HEADING')+' '+broken.map(b=>'BROKEN '+b).join(' ')+'\\n';\
         if(++i<pages.length)f.src=pages[i];else r.textContent+='visited '+i;}};f.src=pages[0];</script>",
        names.join(",")
    );
    let page = folder.path().join("visit-every-page.html");
    std::fs::write(&page, visit).unwrap();
    let (dom, console) = open(&page);
    assert!(
        dom.contains(&format!("visited {}", found.len())),
        "not every page was reached:\n{dom}\n{console}"
    );
    assert!(!dom.contains("NO HEADING"), "{dom}");
    assert!(!dom.contains("BROKEN "), "{dom}");
    assert_eq!(console, "", "the console complains");
}

#[test]
#[ignore = "needs chromium and mdbook"]
fn the_timeline_loads_each_sample_and_is_stepped_by_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path());
    let drive = r"<body><iframe id=f src='timeline.html' width=1200 height=800></iframe><pre id=r></pre><script>
        const f=document.getElementById('f'),r=document.getElementById('r');
        f.onload=()=>{
          const d=f.contentDocument,w=f.contentWindow,select=d.getElementById('sample');
          const place=()=>parseInt((d.getElementById('details').textContent.match(/(\d+) of \d+/)||[])[1]);
          const press=key=>d.dispatchEvent(new w.KeyboardEvent('keydown',{key,bubbles:true,cancelable:true}));
          for(const option of select.options){
            select.value=option.value; select.dispatchEvent(new w.Event('change'));
            const start=place(); press('ArrowRight'); press('ArrowRight'); const forward=place();
            press('ArrowLeft'); const back=place(); press('End'); const end=place(); press('Home');
            press('+'); press('0'); press('ArrowDown');
            r.textContent+=option.value+': '+(start===1&&forward===3&&back===2&&end>3?'stepped':'FAILED '+[start,forward,back,end])+'\n';
          }
          r.textContent+='samples '+select.options.length;
        };</script>";
    let page = folder.path().join("drive-the-timeline.html");
    std::fs::write(&page, drive).unwrap();
    let (dom, console) = open(&page);
    assert!(dom.contains("samples 4"), "{dom}\n{console}");
    assert_eq!(dom.matches(": stepped").count(), 4, "{dom}");
    assert_eq!(console, "", "the console complains");
}
