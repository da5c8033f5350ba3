//! A secret that a command prints: no shell, bounded in time and size.
//!
//! What the command says on its standard error goes nowhere, since it may hold what must not be seen.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

/// The largest secret, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// How long a command may take.
const TIME: Duration = Duration::from_secs(10);
/// How often a command that has said everything is asked whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Why a command gave no secret. Names the program, never its arguments and never what it said.
#[derive(Debug, thiserror::Error)]
pub enum ExecFailed {
    /// It cannot be run.
    #[error("cannot run {0}: {1}")]
    NotRun(String, io::Error),
    /// It did not end well.
    #[error("{0} ended with {1}")]
    Status(String, ExitStatus),
    /// It took too long.
    #[error("{0} did not end within {seconds} seconds", seconds = TIME.as_secs())]
    Time(String),
    /// It said too much.
    #[error("{0} printed more than 64 KiB")]
    TooLarge(String),
    /// It said nothing.
    #[error("{0} printed nothing")]
    Empty(String),
}

/// What the command prints on its standard output, without the newline at its end.
pub(crate) fn output(command: &[String]) -> Result<Zeroizing<Vec<u8>>, ExecFailed> {
    run(command, TIME)
}

fn run(command: &[String], limit: Duration) -> Result<Zeroizing<Vec<u8>>, ExecFailed> {
    let (program, arguments) = match command {
        [program, arguments @ ..] => (program.clone(), arguments),
        [] => return Err(ExecFailed::Empty(String::new())),
    };
    let deadline = Instant::now() + limit;
    let mut child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A group of its own, so that what it starts can be ended with it.
        .process_group(0)
        .spawn()
        .map_err(|cause| ExecFailed::NotRun(program.clone(), cause))?;
    let said = said(&mut child, &program, deadline);
    let ended = said.and_then(|said| Ok((said, status(&mut child, &program, deadline)?)));
    let (mut said, status) = match ended {
        Ok(ended) => ended,
        Err(failed) => {
            end(&mut child);
            return Err(failed);
        }
    };
    if !status.success() {
        return Err(ExecFailed::Status(program, status));
    }
    if said.pop_if(|byte| *byte == b'\n').is_some() {
        said.pop_if(|byte| *byte == b'\r');
    }
    if said.is_empty() { Err(ExecFailed::Empty(program)) } else { Ok(said) }
}

/// All that it says. A thread reads, so that one who says nothing can be given up.
fn said(
    child: &mut Child,
    program: &str,
    deadline: Instant,
) -> Result<Zeroizing<Vec<u8>>, ExecFailed> {
    let not_run = |cause| ExecFailed::NotRun(program.to_owned(), cause);
    let stdout = child.stdout.take().ok_or_else(|| not_run(io::ErrorKind::BrokenPipe.into()))?;
    let (tell, told) = mpsc::channel();
    let reading = move || {
        // Room for the largest secret and its newline, so that the buffer never moves and leaves a copy behind.
        let mut said = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 4));
        let read = stdout.take(MAX_BYTES as u64 + 3).read_to_end(&mut said);
        // Whoever waited may have given up; then it is wiped here.
        let _ = tell.send(read.map(|_| said));
    };
    thread::Builder::new().name("exec".into()).spawn(reading).map_err(not_run)?;
    match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(said)) if said.len() > MAX_BYTES + 2 => Err(ExecFailed::TooLarge(program.to_owned())),
        Ok(said) => said.map_err(not_run),
        Err(_) => Err(ExecFailed::Time(program.to_owned())),
    }
}

fn status(child: &mut Child, program: &str, deadline: Instant) -> Result<ExitStatus, ExecFailed> {
    loop {
        let status = child.try_wait();
        let status = status.map_err(|cause| ExecFailed::NotRun(program.to_owned(), cause))?;
        if let Some(status) = status {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            return Err(ExecFailed::Time(program.to_owned()));
        }
        thread::sleep(PAUSE);
    }
}

/// Ends it and what it started. Its number is its own until it was waited for.
fn end(child: &mut Child) {
    if child.try_wait().is_ok_and(|ended| ended.is_none()) {
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests;
