//! A server that is a program: one message a line, and no line that is none.

use std::io;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use super::{GRACE, Launch, Sink};
use crate::message::Message;

/// The longest line of its standard error that is logged, in bytes.
const LONGEST_LOG: usize = 1000;
/// So many lines of it are logged.
const MOST_LOG: usize = 200;

/// Runs a program until the session is over, or it ends. Gives the reason.
pub(super) async fn run(
    launch: Launch,
    from: mpsc::Receiver<Message>,
    sink: Sink,
    limit: usize,
) -> String {
    let mut child = match start(&launch) {
        Ok(child) => child,
        Err(error) => return format!("its program cannot be started: {error}"),
    };
    // Nothing of it outlives the session, whatever it has started.
    let _group = Group(child.id());
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return "its program has no input and output".to_owned();
    };
    tokio::spawn(log(BufReader::new(errors), sink.name.clone(), launch));
    let read = read(BufReader::new(output), &sink, limit);
    tokio::select! {
        why = read => why,
        () = write(input, from) => {
            // Its input is closed: that is how a program is asked to end.
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
            "the session is over".to_owned()
        }
    }
}

fn start(launch: &Launch) -> io::Result<Child> {
    let (program, arguments) = launch.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(launch.environment.iter().map(|(name, value)| (name, value.as_str())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(folder) = &launch.folder {
        command.current_dir(folder);
    }
    command.spawn()
}

/// A program and all that it started, which end together.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may be gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Writes messages until there are no more, or nobody reads them.
async fn write(mut input: ChildStdin, mut from: mpsc::Receiver<Message>) {
    while let Some(message) = from.recv().await {
        let mut line = message.json().to_text();
        line.push('\n');
        if input.write_all(line.as_bytes()).await.is_err() || input.flush().await.is_err() {
            // Why, its output tells.
            return std::future::pending().await;
        }
    }
}

async fn read(mut output: impl AsyncBufRead + Unpin, sink: &Sink, limit: usize) -> String {
    loop {
        let line = match read_line(&mut output, limit).await {
            Ok(Some(line)) => line,
            Ok(None) => return "its program ended".to_owned(),
            Err(error) => return format!("its program's output cannot be read: {error}"),
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        match Message::read(&line, false) {
            Ok(messages) => {
                for message in messages {
                    if !sink.message(message).await {
                        return "the session is over".to_owned();
                    }
                }
            }
            Err(refused) => {
                if !sink.garbled(&line, &refused, None).await {
                    return "the session is over".to_owned();
                }
            }
        }
    }
}

/// A line without its end; none at the end of all. One that is longer than `limit` is an error.
async fn read_line(
    from: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let piece = from.fill_buf().await?;
        if piece.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(piece.get(..end.unwrap_or(piece.len())).unwrap_or_default());
        let used = end.map_or(piece.len(), |end| end + 1);
        from.consume(used);
        if line.len() > limit {
            return Err(io::Error::other("a line is too long"));
        }
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

/// What it says on its standard error is for the operator who asks for it, but for the secrets: no policy masks it, and a
/// program may say there what it was asked.
async fn log(mut errors: impl AsyncBufRead + Unpin, server: String, launch: Launch) {
    let redact = super::Redact::new(&super::Transport::Launch(launch));
    let mut lines = 0;
    loop {
        // What is too long is cut where it lies.
        let line = match errors.fill_buf().await {
            Ok([]) | Err(_) => break,
            Ok(piece) => {
                let end = piece.iter().position(|byte| *byte == b'\n');
                let line = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
                let line = String::from_utf8_lossy(line).into_owned();
                let used = end.map_or(piece.len(), |end| end + 1);
                errors.consume(used);
                line
            }
        };
        lines += 1;
        if lines <= MOST_LOG && !line.trim().is_empty() {
            let line = redact.text(&line);
            let line: String =
                line.chars().take(LONGEST_LOG).flat_map(char::escape_debug).collect();
            tracing::debug!(server, line, "a server's program says");
        }
    }
    if lines > 0 {
        tracing::info!(server, lines, "A server's program has written to its standard error");
    }
}
