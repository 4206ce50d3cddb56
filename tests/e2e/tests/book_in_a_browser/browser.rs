//! A headless Chromium, driven through a pair of pipes: one JSON message each way, ended by a zero byte.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page; killed when dropped.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    /// What pages wrote to the console, and what they threw.
    pub console: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Browser {
        let profile = tempfile::tempdir().unwrap();
        // Chromium reads its orders from descriptor 3 and answers on 4.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-sync \
                      --disable-background-networking --disable-component-update --disable-dev-shm-usage \
                      --allow-file-access-from-files --remote-debugging-pipe --user-data-dir=\"$0\" \
                      3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromium starts");
        let (to, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0) {
                let Ok(message) = message else { return };
                let Ok(value) = serde_json::from_slice(&message) else { return };
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser =
            Browser { child, to, from, last_id: 0, session: None, console: Vec::new(), _profile: profile };
        let target = browser.order("Target.createTarget", json!({"url": "about:blank"}));
        let how = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.order("Target.attachToTarget", how);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.order(domain, json!({}));
        }
        browser
    }

    /// Sends an order and returns its result.
    pub fn order(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("chromium listens");
        let answer = self.wait_for(|message| message["id"] == id);
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.from.recv_timeout(left).expect("chromium answers in time");
            let method = message["method"].as_str().unwrap_or_default();
            if ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"].contains(&method) {
                self.console.push(message["params"].to_string());
            }
            if wanted(&message) {
                return message;
            }
        }
    }

    /// Opens a file and waits until it has loaded, pictures and scripts included.
    pub fn open(&mut self, page: &Path) {
        self.order("Page.navigate", json!({"url": format!("file://{}", page.display())}));
        self.wait_for(|message| message["method"] == "Page.loadEventFired");
    }

    /// What an expression gives, or its promise.
    pub fn ask(&mut self, expression: &str) -> Value {
        let how = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.order("Runtime.evaluate", how);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Sets the window's width, and whether the reader's system asks for dark pages.
    pub fn dress(&mut self, width: u32, dark: bool) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.order("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.order("Emulation.setEmulatedMedia", media);
    }

    /// Presses and lets go of a key, as a keyboard does: `Tab`, `Enter`, ` `, `ArrowDown`.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            " " => 32,
            "ArrowDown" => 40,
            other => panic!("no code for {other}"),
        };
        let text = match key {
            "Enter" => "\r",
            " " => " ",
            _ => "",
        };
        let event =
            |kind: &str| json!({"type": kind, "key": key, "windowsVirtualKeyCode": code, "text": text});
        self.order("Input.dispatchKeyEvent", event(if text.is_empty() { "rawKeyDown" } else { "keyDown" }));
        self.order(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}),
        );
    }

    /// The page's beginning as a picture, for people who want to look: only if BOOK_SCREENSHOTS names a folder.
    pub fn photograph(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("BOOK_SCREENSHOTS") else { return };
        let size = self.ask("[innerWidth, Math.min(document.documentElement.scrollHeight, 3000)]");
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let how = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.order("Page.captureScreenshot", how);
        let file = Path::new(&folder).join(format!("{}.png", name.replace('/', "-")));
        let decoder = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(file).unwrap())
            .spawn();
        let mut decoder = decoder.expect("base64 starts");
        decoder.stdin.take().unwrap().write_all(picture["data"].as_str().unwrap().as_bytes()).unwrap();
        decoder.wait().unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
