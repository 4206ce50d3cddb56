//! The traces that ship with the timeline: four small scenes, recorded from the real loop.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use kit::wire::frame;

use super::runs::{PATIENCE, Running, round_trip};

/// What clients do in a scene.
type Scene = fn(&Running) -> Result<()>;

/// Records every scene and returns the script that hands them to the page.
///
/// # Errors
/// When the server does not start, answer, or leave a trace.
pub fn record(eventloop: &Path) -> Result<String> {
    let scenes: [(&str, Scene); 4] = [
        ("One stalled client", stalled),
        ("A pipelined burst", burst),
        ("A thousand clients", thousand),
        ("A slow reader", slow_reader),
    ];
    let mut script = String::from(
        "// Recorded by `cargo run -p author --bin pictures`; one list of Chrome trace events per scene.\nwindow.TIMELINE_SAMPLES = {\n",
    );
    for (name, scene) in scenes {
        let file = tempfile::NamedTempFile::new()?;
        let path = file.path().display().to_string();
        let server = Running::start(eventloop, &["--port", "0", "--max-clients", "2000", "--trace", &path])?;
        scene(&server).with_context(|| name.to_owned())?;
        server.finish();
        let text = std::fs::read_to_string(file.path())?;
        let events: serde_json::Value = serde_json::from_str(&text).with_context(|| name.to_owned())?;
        script += &format!("{}: {events},\n", serde_json::to_string(name)?);
    }
    Ok(script + "};\n")
}

fn stalled(server: &Running) -> Result<()> {
    let mut staller = server.connect()?;
    staller.write_all(&frame(b"never finished")[..7])?;
    let mut active = server.connect()?;
    for _ in 0..12 {
        round_trip(&mut active, &frame(b"not held up"))?;
    }
    Ok(())
}

fn burst(server: &Running) -> Result<()> {
    let mut client = server.connect()?;
    let batch: Vec<u8> = (0..200).flat_map(|i| frame(format!("request {i}").as_bytes())).collect();
    for _ in 0..5 {
        round_trip(&mut client, &batch)?;
    }
    Ok(())
}

fn thousand(server: &Running) -> Result<()> {
    let mut clients = Vec::new();
    for _ in 0..1000 {
        clients.push(server.connect()?);
    }
    let message = frame(b"one of many");
    for client in &mut clients {
        client.write_all(&message)?;
    }
    let mut reply = vec![0; message.len()];
    for client in &mut clients {
        client.read_exact(&mut reply)?;
    }
    Ok(())
}

fn slow_reader(server: &Running) -> Result<()> {
    let mut reader = kit::conn::open_with_receive_buffer(server.address, PATIENCE, Some(32 * 1024))?;
    let mut writer = reader.try_clone()?;
    let sender = std::thread::spawn(move || {
        let message = frame(&[b'x'; 60_000]);
        (0..100).try_for_each(|_| writer.write_all(&message))
    });
    let mut other = server.connect()?;
    let mut left = 100 * 60_004;
    let mut piece = vec![0; 256 * 1024];
    while left > 0 {
        // The slowness is the scene: nothing waits for this to be over.
        std::thread::sleep(Duration::from_millis(5));
        round_trip(&mut other, &frame(b"in between"))?;
        let take = piece.len().min(left);
        reader.read_exact(&mut piece[..take])?;
        left -= take;
    }
    sender.join().map_err(|_| anyhow::anyhow!("the sending thread failed"))??;
    Ok(())
}
